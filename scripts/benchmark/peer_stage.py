"""One call of EZKL, by EZKL's own Python: `peer_stage.py FUNCTION ARGUMENTS.json`. Prints `{"seconds": …, "peak_mib": …}`: seconds of the call
alone, memory of the process, where the system tells it.

Of the arguments, `run_args` become EZKL's `PyRunArgs`; `data` may be a list of files, for which the call is made once each and `output` gets the
place in the list for `{}`.
"""

import asyncio
import inspect
import json
import os
import sys
import time

import ezkl


async def call(function: str, arguments: dict):
    """The result, awaited where this version of EZKL wants it."""
    result = getattr(ezkl, function)(**arguments)
    return await result if inspect.isawaitable(result) else result


def peak_mib() -> float | None:
    """Peak resident memory of this process."""
    try:
        with open("/proc/self/status") as file:
            return next((int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM:")), None)
    except OSError:
        return None


def main() -> None:
    function, file = sys.argv[1:]
    with open(file) as opened:
        arguments = json.load(opened)
    if "run_args" in arguments:
        arguments["py_run_args"] = ezkl.PyRunArgs()
        for name, value in arguments.pop("run_args").items():
            setattr(arguments["py_run_args"], name, value)
    many = isinstance(arguments.get("data"), list)
    calls = [{**arguments, "data": d, "output": arguments["output"].format(i)} for i, d in enumerate(arguments["data"])] if many else [arguments]
    start = time.perf_counter()
    results = [asyncio.run(call(function, one)) for one in calls]
    seconds = time.perf_counter() - start
    if any(result is False for result in results):
        sys.exit(f"{function} answered False")
    print(json.dumps({"seconds": seconds, "peak_mib": peak_mib()}), flush=True)


if __name__ == "__main__":
    try:
        main()
        os._exit(0)  # some calls crash while Python ends
    except SystemExit:
        raise
    except BaseException as error:  # a panic of EZKL is no Exception
        sys.exit(f"{type(error).__name__}: {error}")
