#!/usr/bin/env node
// Writes the ABI of every contract and interface of `src` to abi/NAME.json. Runs before the package is packed; the folder is
// not kept in git, so that it cannot fall behind the sources.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { compileSrc, contractsOf, root } = require("./sources.js");

const folder = path.join(root, "abi");
fs.rmSync(folder, { recursive: true, force: true });
fs.mkdirSync(folder);
const from = {};
for (const [file, name, compiled] of contractsOf(compileSrc(["abi"]))) {
  if (compiled.abi.length === 0) continue;
  if (from[name]) throw new Error(`two contracts are called ${name}: in ${from[name]} and in ${file}`);
  from[name] = file;
  fs.writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify(compiled.abi, null, 2)}\n`);
}
process.stderr.write(`abi/: ${Object.keys(from).length} files\n`);
