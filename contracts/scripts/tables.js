#!/usr/bin/env node
// Fills the tables of docs/contracts.md, each between `<!-- NAME -->` and `<!-- /NAME -->`: gas from snapshots/*.json, sizes
// from snapshots/Layout.txt, and with `--coverage` (which runs the tests; or `--lcov FILE`) coverage too. `--check` writes
// nothing and fails if the gas or size table is not what the snapshots say.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { spawnSync } = require("node:child_process");
const { root } = require("./sources.js");

const snapshots = path.join(root, "snapshots");
const page = path.join(root, "..", "docs", "contracts.md");
const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");

function gas() {
  const rows = ["| group | what | gas |", "|---|---|---:|"];
  for (const file of fs.readdirSync(snapshots).filter((name) => name.endsWith(".json")).sort()) {
    const entries = JSON.parse(fs.readFileSync(path.join(snapshots, file), "utf8"));
    for (const [what, used] of Object.entries(entries)) rows.push(`| ${file.slice(0, -5)} | ${what} | ${grouped(used)} |`);
  }
  return rows;
}

function sizes() {
  const rows = ["| contract | bytes of code |", "|---|---:|"];
  for (const line of fs.readFileSync(path.join(snapshots, "Layout.txt"), "utf8").split("\n")) {
    const match = /^(\w+): (\d+)$/.exec(line);
    if (match) rows.push(`| \`${match[1]}\` | ${grouped(match[2])} |`);
  }
  return rows;
}

function coverage() {
  const at = process.argv.indexOf("--lcov");
  const options = at < 0 ? [] : ["--lcov", process.argv[at + 1]];
  const result = spawnSync(process.execPath, [path.join(__dirname, "coverage.js"), "--markdown", ...options], { encoding: "utf8" });
  if (result.stderr) process.stderr.write(result.stderr);
  if (result.status !== 0) process.exitCode = 1;
  return result.stdout.trimEnd().split("\n");
}

function filled(text, name, rows) {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [text.indexOf(open), text.indexOf(close)];
  if (from < 0 || to < from) throw new Error(`docs/contracts.md lacks ${open} … ${close}`);
  return `${text.slice(0, from + open.length)}\n\n${rows.join("\n")}\n\n${text.slice(to)}`;
}

const before = fs.readFileSync(page, "utf8");
let after = filled(filled(before, "gas", gas()), "sizes", sizes());
if (process.argv.includes("--coverage") || process.argv.includes("--lcov")) after = filled(after, "coverage", coverage());
if (!process.argv.includes("--check")) fs.writeFileSync(page, after);
else if (before !== after) {
  process.stderr.write("docs/contracts.md differs from snapshots/: node scripts/tables.js\n");
  process.exitCode = 1;
}
