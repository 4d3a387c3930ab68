#!/usr/bin/env node
// Uses the npm package from outside, offline: packs it, unpacks it into a fresh project, compiles the consumer of
// docs/integrate.md there with solc (imports resolved in node_modules, as Hardhat does) and with forge (remappings), and checks
// that the package holds what it should and that its ABIs are those of its sources.
"use strict";
const assert = require("node:assert");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { execFileSync } = require("node:child_process");
const { createRequire } = require("node:module");
const { compile, root, solidityFiles } = require("./sources.js");

const NAME = "@dodona/contracts";
const MAX_LINES = 40;

/** The first Solidity block of docs/integrate.md. */
function documentedConsumer() {
  const page = fs.readFileSync(path.join(root, "..", "docs", "integrate.md"), "utf8");
  const block = /```solidity\n([\s\S]*?)```/.exec(page);
  assert(block, "docs/integrate.md has no Solidity block");
  const lines = block[1].trimEnd().split("\n").length;
  assert(lines < MAX_LINES, `the consumer of docs/integrate.md has ${lines} lines, expected less than ${MAX_LINES}`);
  return block[1];
}

/** A project with the packed package and what it depends on in node_modules, and nothing else. */
function freshProject(folder) {
  const packed = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--silent", "--pack-destination", folder], { cwd: root, encoding: "utf8" }),
  )[0];
  const home = path.join(folder, "project", "node_modules", NAME);
  fs.mkdirSync(home, { recursive: true });
  execFileSync("tar", ["-xzf", path.join(folder, packed.filename), "-C", home, "--strip-components=1"]);
  const manifest = JSON.parse(fs.readFileSync(path.join(home, "package.json"), "utf8"));
  assert.deepStrictEqual(Object.keys(manifest.dependencies), ["@openzeppelin/contracts"], "what users have to install");
  for (const kind of ["optionalDependencies", "peerDependencies", "bundleDependencies"]) {
    assert.strictEqual(manifest[kind], undefined, `${kind} would be installed by users`);
  }
  for (const name of Object.keys(manifest.dependencies)) {
    fs.cpSync(path.join(root, "node_modules", name), path.join(folder, "project", "node_modules", name), {
      recursive: true,
    });
  }
  return { project: path.join(folder, "project"), home, files: packed.files.map((file) => file.path) };
}

function checkFiles(files) {
  const allowed = /^(src\/.*\.sol|abi\/\w+\.json|addresses\.json|package\.json|README\.md|LICENSE[\w-]*)$/;
  const strange = files.filter((file) => !allowed.test(file));
  assert.deepStrictEqual(strange, [], "files that do not belong into the package");
}

function checkAbis(project, home) {
  const read = createRequire(path.join(project, "index.js"));
  const files = Object.fromEntries(
    solidityFiles(home, "src").map((name) => [`${NAME}/${name}`, fs.readFileSync(path.join(home, name), "utf8")]),
  );
  const compiled = compile(files, path.join(project, "node_modules"), ["abi"]);
  const expected = new Set();
  for (const file of Object.keys(files)) {
    for (const [name, { abi }] of Object.entries(compiled[file] ?? {})) {
      if (abi.length === 0) continue;
      expected.add(`${name}.json`);
      assert.deepStrictEqual(read(`${NAME}/abi/${name}.json`), abi, `abi/${name}.json is not that of ${file}`);
    }
  }
  assert.deepStrictEqual(fs.readdirSync(path.join(home, "abi")).sort(), [...expected].sort(), "files of abi/");
  for (const [chain, contracts] of Object.entries(read(`${NAME}/addresses.json`).chains)) {
    for (const [name, address] of Object.entries(contracts)) {
      assert(expected.has(`${name}.json`), `addresses.json: chain ${chain} names ${name}, which has no ABI`);
      assert.match(address, /^0x[0-9a-fA-F]{40}$/, `addresses.json: ${name} on chain ${chain}`);
    }
  }
  return expected.size;
}

function compileAsHardhat(project, consumer) {
  const name = "contracts/Consumer.sol";
  const compiled = compile({ [name]: consumer }, path.join(project, "node_modules"), ["evm.bytecode.object"]);
  const [contract] = Object.values(compiled[name]);
  assert(contract.evm.bytecode.object.length > 0, "the consumer has no bytecode");
}

function compileAsFoundry(project, consumer) {
  fs.mkdirSync(path.join(project, "src"));
  fs.writeFileSync(path.join(project, "src", "Consumer.sol"), consumer);
  fs.writeFileSync(
    path.join(project, "foundry.toml"),
    `[profile.default]
libs = ["node_modules"]
solc = ${JSON.stringify(path.join(root, "solc.js"))}
evm_version = "cancun"
auto_detect_remappings = false
remappings = [
  "${NAME}/=node_modules/${NAME}/",
  "@openzeppelin/contracts/=node_modules/@openzeppelin/contracts/",
]

[lint]
lint_on_build = false
`,
  );
  const forge = path.join(root, "node_modules", ".bin", "forge");
  execFileSync(forge, ["build", "--offline"], { cwd: project, stdio: ["ignore", "ignore", "inherit"] });
  assert(fs.readdirSync(path.join(project, "out", "Consumer.sol")).length > 0, "forge wrote no artifact");
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dodona-outside-"));
try {
  const consumer = documentedConsumer();
  const { project, home, files } = freshProject(folder);
  checkFiles(files);
  const abis = checkAbis(project, home);
  compileAsHardhat(project, consumer);
  compileAsFoundry(project, consumer);
  process.stdout.write(`${NAME}: ${files.length} files, ${abis} ABIs, imported with solc and with forge\n`);
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
