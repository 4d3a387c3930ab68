// The package's Solidity sources and the compiler, as the other scripts need them.
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const root = path.join(__dirname, "..");

/** Paths of all `.sol` files under `folder` of `base`, sorted, with `/` between their parts. */
function solidityFiles(base, folder) {
  return fs
    .readdirSync(path.join(base, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return solidityFiles(base, name);
      return entry.name.endsWith(".sol") ? [name] : [];
    })
    .sort();
}

/**
 * Compiles `files` (import names to contents) and returns the output by file and contract. Imports that are not among them
 * come from `modules`, a node_modules folder, by their whole name: what Hardhat does and what the remappings say.
 */
function compile(files, modules, outputs) {
  const solc = require("solc");
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(Object.entries(files).map(([name, content]) => [name, { content }])),
    settings: {
      evmVersion: "cancun",
      optimizer: { enabled: true, runs: 200 },
      metadata: { bytecodeHash: "none", appendCBOR: false },
      outputSelection: { "*": { "*": outputs } },
    },
  };
  const read = (name) => {
    try {
      return { contents: fs.readFileSync(path.join(modules, name), "utf8") };
    } catch (error) {
      return { error: `${name} is not in ${modules}: ${error.message}` };
    }
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: read }));
  const errors = (output.errors ?? []).filter((message) => message.severity === "error");
  if (errors.length > 0) throw new Error(errors.map((message) => message.formattedMessage).join("\n"));
  return output.contracts;
}

/** Compiles all of this project's `src`. */
function compileSrc(outputs) {
  const files = Object.fromEntries(
    solidityFiles(root, "src").map((name) => [name, fs.readFileSync(path.join(root, name), "utf8")]),
  );
  return compile(files, path.join(root, "node_modules"), outputs);
}

/** `[file, contract, compiled]` of everything that `src` defines, by file and name. */
function* contractsOf(compiled) {
  for (const file of Object.keys(compiled).sort()) {
    if (!file.startsWith("src/")) continue;
    for (const name of Object.keys(compiled[file]).sort()) yield [file, name, compiled[file][name]];
  }
}

module.exports = { root, solidityFiles, compile, compileSrc, contractsOf };
