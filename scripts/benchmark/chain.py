"""Gas: a verifier compiled with the repository's solc, deployed on a local anvil, and sent a proof as a transaction."""

import json
import os
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from .models import ROOT
from .process import StageFailed, run

# EIP-170: a contract's code is at most this long on Ethereum.
CODE_LIMIT = 24_576
GAS = hex(2_000_000_000)


def anvil_path() -> Path:
    """anvil as npm installed it."""
    return ROOT / "contracts/node_modules/.bin/anvil"


def compiled(source: Path, optimized: bool) -> dict:
    """Creation and runtime code of the one contract of a file, hex with 0x."""
    flags = [] if optimized else ["--no-optimizer"]
    output = json.loads(run(["node", ROOT / "contracts/compile.js", source, *flags]).output)
    if len(output) != 1:
        raise StageFailed(f"{source.name}: expected one contract, got {', '.join(output) or 'none'}")
    return next(iter(output.values()))


class Chain:
    """JSON-RPC of one anvil."""

    def __init__(self, port: int):
        self.url = f"http://127.0.0.1:{port}"

    def call(self, method: str, *params):
        """One request; an error of the node raises."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=300) as reply:
            answer = json.load(reply)
        if "error" in answer:
            raise StageFailed(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def ready(self) -> None:
        """Waits for the node."""
        for _ in range(200):
            try:
                self.call("eth_chainId")
                return
            except OSError:
                time.sleep(0.05)
        raise StageFailed("anvil does not answer")

    def send(self, transaction: dict) -> dict:
        """Sends from the first account; the receipt."""
        sender = self.call("eth_accounts")[0]
        sent = self.call("eth_sendTransaction", {"from": sender, "gas": GAS, **transaction})
        for _ in range(600):
            receipt = self.call("eth_getTransactionReceipt", sent)
            if receipt:
                return receipt
            time.sleep(0.05)
        raise StageFailed("no receipt")

    def accepts(self, verifier: str, calldata: bytes) -> bool:
        """Whether a call neither reverts nor answers false."""
        try:
            answer = self.call("eth_call", {"to": verifier, "data": "0x" + calldata.hex(), "gas": GAS}, "latest")
        except StageFailed:
            return False
        return answer == "0x" or int(answer, 16) == 1


@contextmanager
def anvil():
    """A fresh local chain that takes code of any length, ended with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", port, "--code-size-limit", 5_000_000, "--gas-limit", 3_000_000_000, "--hardfork", "prague", "--silent"]
    command = [str(part) for part in (anvil_path(), *options)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    try:
        chain = Chain(port)
        chain.ready()
        yield chain
    finally:
        process.terminate()
        process.wait()


def verification(source: Path, calldata: bytes, optimized: bool) -> dict:
    """Gas of deploying a verifier and of one proof (calldata and base cost included), checked against a proof with one bit changed."""
    code = compiled(source, optimized)
    length = (len(code["deployedBytecode"]) - 2) // 2
    with anvil() as chain:
        deployed = chain.send({"data": code["bytecode"]})
        verifier = deployed["contractAddress"]
        middle = len(calldata) // 2  # the end may be padding
        wrong = calldata[:middle] + bytes([calldata[middle] ^ 1]) + calldata[middle + 1 :]
        if not chain.accepts(verifier, calldata) or chain.accepts(verifier, wrong):
            raise StageFailed("the verifier does not tell a right proof from a wrong one")
        receipt = chain.send({"to": verifier, "data": "0x" + calldata.hex()})
    return {
        "direct_gas": int(receipt["gasUsed"], 16),
        "deploy_gas": int(deployed["gasUsed"], 16),
        "code_bytes": length,
        "over_code_limit": length > CODE_LIMIT,
        "calldata_bytes": len(calldata),
    }
