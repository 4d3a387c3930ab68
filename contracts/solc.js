#!/usr/bin/env node
// Stands in for native solc: `--version`, or standard JSON on stdin. The compiler is the pinned wasm build of npm's solc.
"use strict";
const fs = require("node:fs");
const solc = require("solc");

if (process.argv.includes("--version")) {
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else {
  const out = Buffer.from(solc.compile(fs.readFileSync(0, "utf8")));
  for (let at = 0; at < out.length; ) {
    try {
      at += fs.writeSync(1, out, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}
