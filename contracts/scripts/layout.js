#!/usr/bin/env node
// Compares the code size and the storage layout of every contract of `src` with snapshots/Layout.txt, and every size with the
// limit of EIP-170. `--write` takes the present ones over. Sizes are those of forge's build.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { spawnSync } = require("node:child_process");
const { compileSrc, contractsOf, root } = require("./sources.js");

const MAX_CODE = 24_576;
/** Code of a library whose functions are all internal; interfaces and abstract contracts have none. */
const STUB = 31;
const snapshot = path.join(root, "snapshots", "Layout.txt");

const built = spawnSync(path.join(root, "node_modules", ".bin", "forge"), ["build", "--offline"], { cwd: root, encoding: "utf8" });
if (built.status !== 0) {
  process.stderr.write(`forge build failed:\n${built.error ?? ""}${built.stdout ?? ""}${built.stderr ?? ""}`);
  process.exit(1);
}

function codeSize(file, name) {
  const artifact = JSON.parse(fs.readFileSync(path.join(root, "out", path.basename(file), `${name}.json`), "utf8"));
  return (artifact.deployedBytecode.object.replace(/^0x/, "").length / 2) | 0;
}

/** Struct members are listed below their variable, so that a change inside a mapping's value shows too. */
function rows(layout, members, indent, seen) {
  return members.flatMap((member) => {
    const type = layout.types[member.type];
    const line = `${indent}${member.slot}+${member.offset} ${type.numberOfBytes} ${type.label} ${member.label}`;
    return [line, ...inner(layout, member.type, `${indent}  `, seen)];
  });
}

function inner(layout, typeName, indent, seen) {
  const type = layout.types[typeName];
  if (type.value) return inner(layout, type.value, indent, seen);
  if (type.base) return inner(layout, type.base, indent, seen);
  if (!type.members || seen.has(typeName)) return [];
  return rows(layout, type.members, indent, new Set([...seen, typeName]));
}

const text = ["contract: bytes of code; below it slot+offset, bytes, type, variable\n"];
const tooLong = [];
for (const [file, name, compiled] of contractsOf(compileSrc(["storageLayout"]))) {
  const size = codeSize(file, name);
  if (size <= STUB) continue;
  if (size > MAX_CODE) tooLong.push(`${name}: at most ${MAX_CODE} bytes of code, got ${size}`);
  const layout = compiled.storageLayout;
  text.push([`${name}: ${size}`, ...rows(layout, layout.storage, "  ", new Set()), ""].join("\n"));
}
const present = text.join("\n");
if (process.argv.includes("--write")) fs.writeFileSync(snapshot, present);
const kept = fs.existsSync(snapshot) ? fs.readFileSync(snapshot, "utf8") : "";
if (kept !== present) {
  const before = new Set(kept.split("\n"));
  const after = new Set(present.split("\n"));
  for (const line of before) if (!after.has(line)) process.stderr.write(`- ${line}\n`);
  for (const line of after) if (!before.has(line)) process.stderr.write(`+ ${line}\n`);
  process.stderr.write("snapshots/Layout.txt differs; if this is meant: node scripts/layout.js --write\n");
}
for (const line of tooLong) process.stderr.write(`${line}\n`);
process.exit(kept === present && tooLong.length === 0 ? 0 : 1);
