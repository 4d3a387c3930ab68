#!/usr/bin/env node
// Runs `forge coverage` and prints a table of lines and branches by file of `src`; fails if either total is below 95 %.
// Generated verifiers are not in `src`. Options: `--fuzz-runs N` (64), `--markdown`, `--lcov FILE` (reads this report instead of
// running the tests).
// Coverage compiles without the optimizer: code sizes and gas mean nothing then, so their tests are left out and no gas
// is written to snapshots/.
"use strict";
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { spawnSync } = require("node:child_process");
const { root } = require("./sources.js");

const LEAST = 95;

function option(name, otherwise) {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : process.argv[at + 1];
}

/** Runs the tests in folders of its own: forge's ordinary build and its cache stay as they are. */
function run(fuzzRuns) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dodona-coverage-"));
  const report = path.join(folder, "lcov.info");
  const result = spawnSync(
    path.join(root, "node_modules", ".bin", "forge"),
    ["coverage", "--offline", "--report", "lcov", "--report-file", report]
      .concat(["--no-match-coverage", "^(test|node_modules)/", "--no-match-test", "[cC]odeSize", "--no-match-contract", "Gas"]),
    {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 1 << 28,
      env: {
        ...process.env,
        FOUNDRY_OUT: path.join(folder, "out"),
        FOUNDRY_CACHE_PATH: path.join(folder, "cache"),
        FOUNDRY_FUZZ_RUNS: fuzzRuns,
        FOUNDRY_INVARIANT_RUNS: "8",
        FORGE_SNAPSHOT_EMIT: "false",
      },
    },
  );
  if (result.status !== 0) {
    process.stderr.write(`${result.error ?? ""}${result.stdout ?? ""}${result.stderr ?? ""}`);
    process.exit(1);
  }
  const text = fs.readFileSync(report, "utf8");
  fs.rmSync(folder, { recursive: true, force: true });
  return text;
}

/** By file: lines and branches, hit and found; a file that stands twice in the report counts once, with all its hits. */
function parse(text) {
  const files = new Map();
  let file;
  for (const line of text.split("\n")) {
    const [key, rest] = [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)];
    if (key === "SF") {
      if (!files.has(rest)) files.set(rest, { lines: new Map(), branches: new Map() });
      file = files.get(rest);
    }
    if (key === "DA") add(file.lines, ...rest.split(","));
    if (key === "BRDA") add(file.branches, rest.slice(0, rest.lastIndexOf(",")), rest.slice(rest.lastIndexOf(",") + 1));
  }
  return files;
}

function add(map, at, count) {
  map.set(at, (map.get(at) ?? 0) + (count === "-" ? 0 : Number(count)));
}

function tally(map) {
  return { found: map.size, hit: [...map.values()].filter((count) => count > 0).length };
}

function share({ hit, found }) {
  return found === 0 ? "–" : `${((100 * hit) / found).toFixed(1)} % (${hit}/${found})`;
}

const given = option("--lcov");
const files = parse(given ? fs.readFileSync(given, "utf8") : run(option("--fuzz-runs", "64")));
const total = { lines: { hit: 0, found: 0 }, branches: { hit: 0, found: 0 } };
const table = [];
for (const [file, entry] of [...files].sort()) {
  if (!file.startsWith("src/")) continue;
  const counts = { lines: tally(entry.lines), branches: tally(entry.branches) };
  for (const kind of ["lines", "branches"]) {
    total[kind].hit += counts[kind].hit;
    total[kind].found += counts[kind].found;
  }
  table.push([file.slice(4), share(counts.lines), share(counts.branches)]);
}
table.push(["all", share(total.lines), share(total.branches)]);
if (process.argv.includes("--markdown")) table.unshift(["file", "lines", "branches"], ["---", "---", "---"]);
for (const row of table) {
  process.stdout.write(
    process.argv.includes("--markdown") ? `| ${row.join(" | ")} |\n` : `${row[0].padEnd(36)} ${row[1].padEnd(20)} ${row[2]}\n`,
  );
}
for (const kind of ["lines", "branches"]) {
  const got = (100 * total[kind].hit) / total[kind].found;
  if (!(got >= LEAST)) {
    process.stderr.write(`${kind}: expected at least ${LEAST} %, got ${got.toFixed(2)} %\n`);
    process.exitCode = 1;
  }
}
