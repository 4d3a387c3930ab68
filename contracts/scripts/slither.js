#!/usr/bin/env node
// Runs slither (0.11.6: `python3 -m venv V && V/bin/pip install slither-analyzer==0.11.6`, then `SLITHER=V/bin/slither`) and
// compares its findings with snapshots/Slither.txt, one line a detector and place. A finding that is not there fails; so does a
// detector that docs/security.md does not answer. `--write` takes the present findings over.
"use strict";
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { spawnSync } = require("node:child_process");
const { root } = require("./sources.js");

const snapshot = path.join(root, "snapshots", "Slither.txt");

/** Compiles into folders of its own, so that forge's ordinary build stays as it is. */
function findings() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dodona-slither-"));
  const report = path.join(folder, "report.json");
  const bin = path.join(root, "node_modules", ".bin");
  const result = spawnSync(process.env.SLITHER ?? "slither", [".", "--json", report, "--no-fail-pedantic"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: {
      ...process.env,
      PATH: `${bin}${path.delimiter}${process.env.PATH}`,
      FOUNDRY_OUT: path.join(folder, "out"),
      FOUNDRY_CACHE_PATH: path.join(folder, "cache"),
    },
  });
  if (!fs.existsSync(report)) {
    process.stderr.write(`slither gave no report: ${result.error ?? ""}\n${result.stderr ?? ""}\n`);
    process.exit(2);
  }
  const { success, error, results } = JSON.parse(fs.readFileSync(report, "utf8"));
  fs.rmSync(folder, { recursive: true, force: true });
  if (!success) {
    process.stderr.write(`slither failed: ${error}\n`);
    process.exit(2);
  }
  return results.detectors ?? [];
}

/** Contract and function of the finding's first element that has them. */
function placeOf({ elements }) {
  for (const { type, name, type_specific_fields: fields } of elements) {
    const parent = fields?.parent;
    if (type === "function") return `${parent?.name}.${name}`;
    if (type === "node" && parent) return `${parent.type_specific_fields?.parent?.name}.${parent.name}`;
    if (type === "contract") return name;
    if (type === "variable") return parent?.type === "function" ? `${parent.type_specific_fields?.parent?.name}.${parent.name}` : `${parent?.name}.${name}`;
  }
  return "?";
}

const all = findings();
if (process.argv.includes("--verbose")) for (const finding of all) process.stdout.write(`${finding.check}: ${finding.description}\n`);
const present = [...new Set(all.map((finding) => `${finding.check} ${placeOf(finding)}`))].sort();
if (process.argv.includes("--write")) fs.writeFileSync(snapshot, `${present.join("\n")}\n`);
const known = new Set(fs.existsSync(snapshot) ? fs.readFileSync(snapshot, "utf8").split("\n") : []);
const fresh = present.filter((line) => !known.has(line));
for (const line of fresh) process.stderr.write(`not in snapshots/Slither.txt: ${line}\n`);

const page = fs.readFileSync(path.join(root, "..", "docs", "security.md"), "utf8");
const silent = [...new Set(all.map(({ check }) => check))].filter((check) => !page.includes(`\`${check}\``));
for (const check of silent) process.stderr.write(`docs/security.md does not answer ${check}\n`);
process.stdout.write(`${present.length} findings, ${fresh.length} new\n`);
process.exit(fresh.length + silent.length === 0 ? 0 : 1);
