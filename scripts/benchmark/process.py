"""A stage in a process of its own: wall seconds, peak memory, a limit on both."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20


class StageFailed(Exception):
    """A stage that ended badly: what it said, or which limit it broke."""


@dataclass(frozen=True)
class Limits:
    """What a stage may take. Resident memory is looked at while the stage runs, so a short peak above the limit may pass."""

    seconds: float = float("inf")
    mib: float = float("inf")


@dataclass(frozen=True)
class Ran:
    """A stage that ended well."""

    seconds: float
    peak_mib: float
    output: str


def progress(text: str) -> None:
    """A line for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def resident_mib(pid: int) -> float:
    """Resident memory now; 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * PAGE_MIB
    except (OSError, IndexError, ValueError):
        return 0.0


def broken(limits: Limits, seconds: float, mib: float) -> str | None:
    """Which limit is broken."""
    if seconds > limits.seconds:
        return f"stopped after {limits.seconds:.0f} s"
    if mib > limits.mib:
        return f"stopped above {limits.mib:.0f} MiB"
    return None


def run(command: list, limits: Limits = Limits(), env: dict | None = None) -> Ran:
    """Runs a command to its end. One that fails or breaks a limit raises `StageFailed`."""
    command = [str(part) for part in command]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, start_new_session=True)
        status, usage, stopped = wait(process, limits, start)
        seconds = time.monotonic() - start
        out.seek(0)
        err.seek(0)
        output, errors = (file.read().decode(errors="replace").strip() for file in (out, err))
    if stopped or status:
        raise StageFailed(stopped or f"exit {status}: {(errors or output)[-500:]}")
    return Ran(seconds, usage.ru_maxrss / 1024, output)


def wait(process: subprocess.Popen, limits: Limits, start: float):
    """Exit code, resource usage, and the limit for which the process was killed."""
    stopped = None
    try:
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                return process.returncode, usage, stopped
            seconds = time.monotonic() - start
            stopped = stopped or broken(limits, seconds, resident_mib(process.pid))
            if stopped:
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.002 if seconds < 1 else 0.02)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
