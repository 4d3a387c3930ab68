#!/usr/bin/env node
// Runs the pinned forge, anvil or cast: `node foundry.js forge test …`; `node foundry.js --path anvil` prints the program's
// path. The launchers in node_modules/.bin exit with 0 whatever their program says, so a failed test would pass with them.
"use strict";
const { spawn } = require("node:child_process");

const TOOLS = ["forge", "anvil", "cast"];
const SYSTEMS = { linux: "linux", darwin: "darwin", win32: "win32" };
const CPUS = { x64: "amd64", arm64: "arm64" };

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

const onlyPath = process.argv[2] === "--path";
const [tool, ...rest] = process.argv.slice(onlyPath ? 3 : 2);
if (!TOOLS.includes(tool)) fail(`usage: foundry.js [--path] TOOL …: expected one of ${TOOLS.join(", ")}, got ${tool}`);

const program = `@foundry-rs/${tool}-${SYSTEMS[process.platform]}-${CPUS[process.arch]}/bin/${tool}`;
let file;
try {
  file = require.resolve(process.platform === "win32" ? `${program}.exe` : program);
} catch {
  fail(`${program} is not installed: run npm ci in contracts/`);
}

if (onlyPath) {
  process.stdout.write(`${file}\n`);
} else {
  const child = spawn(file, rest, { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => fail(`cannot run ${file}: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
}
