"""A stage in a process of its own: wall seconds, peak memory, a limit on both."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass


class StageFailed(Exception):
    """A stage that ended badly: what it said, or which limit it broke."""


@dataclass(frozen=True)
class Limits:
    """What a stage may take. It is looked at every 20 ms."""

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


def peak_so_far(pid: int) -> float:
    """Peak resident MiB of a running process; 0 where the system does not tell.

    `wait4` alone will not do: on Linux its figure starts from what the parent had when it forked.
    """
    try:
        with open(f"/proc/{pid}/status") as file:
            return next((int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM:")), 0.0)
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
        status, peak, stopped = wait(process, limits, start)
        seconds = time.monotonic() - start
        out.seek(0)
        err.seek(0)
        output, errors = (file.read().decode(errors="replace").strip() for file in (out, err))
    if stopped or status:
        raise StageFailed(stopped or f"exit {status}: {(errors or output)[-500:]}")
    return Ran(seconds, peak, output)


def wait(process: subprocess.Popen, limits: Limits, start: float):
    """Exit code, peak MiB, and the limit for which the process was killed."""
    stopped, peak = None, 0.0
    try:
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                return process.returncode, peak or usage.ru_maxrss / 1024, stopped
            seconds = time.monotonic() - start
            peak = max(peak, peak_so_far(process.pid))
            stopped = stopped or broken(limits, seconds, peak)
            if stopped:
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.002 if seconds < 1 else 0.02)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
