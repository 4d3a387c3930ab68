#!/usr/bin/env node
// Compiles one Solidity file outside forge: `node compile.js FILE.sol [--no-optimizer]`.
// Prints {name: {abi, bytecode, deployedBytecode}} on stdout, hex with 0x. Warnings and errors go to stderr; exit code 1
// if the file does not compile, 2 if the call is wrong. Generated verifiers need --no-optimizer: with the optimizer on,
// the wasm compiler runs out of memory. No metadata is appended, so that the runtime code's hash depends on the code alone.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const solc = require("solc");

function fail(message, code) {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

const flags = process.argv.slice(2).filter((argument) => argument.startsWith("--"));
const files = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const unknown = flags.filter((flag) => flag !== "--no-optimizer");
if (unknown.length > 0) fail(`unknown option: expected --no-optimizer, got ${unknown.join(" ")}`, 2);
if (files.length !== 1) fail(`usage: compile.js FILE.sol [--no-optimizer] (one file, got ${files.length})`, 2);

let content;
try {
  content = fs.readFileSync(files[0], "utf8");
} catch (error) {
  fail(`cannot read ${files[0]}: ${error.message}`, 2);
}
const name = path.basename(files[0]);
const output = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: "Solidity",
      sources: { [name]: { content } },
      settings: {
        evmVersion: "cancun",
        optimizer: { enabled: !flags.includes("--no-optimizer"), runs: 200 },
        metadata: { bytecodeHash: "none", appendCBOR: false },
        outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
      },
    }),
  ),
);
const messages = output.errors ?? [];
for (const message of messages) process.stderr.write(`${message.formattedMessage ?? message.message}\n`);
if (messages.some((message) => message.severity === "error")) process.exit(1);

const result = {};
for (const [contract, compiled] of Object.entries(output.contracts?.[name] ?? {})) {
  result[contract] = {
    abi: compiled.abi,
    bytecode: `0x${compiled.evm.bytecode.object}`,
    deployedBytecode: `0x${compiled.evm.deployedBytecode.object}`,
  };
}
if (Object.keys(result).length === 0) fail(`no contract in ${files[0]}`, 1);
process.stdout.write(`${JSON.stringify(result)}\n`);
