"""Run one command from a process that holds almost nothing, and print what it took as JSON.

Linux counts the memory of the process that starts a child into the child's peak. Started from a
process that holds torch, every command would seem to need as much; this file imports only what it
needs and is run by its path, with `python -S`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time


def main(output: str, command: list[str]) -> None:
    """Print seconds, peak bytes and exit status of the command; its output goes to a file."""
    with open(output, "wb") as stream:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts in bytes, Linux in KiB
    status = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss * unit
    print(json.dumps({"seconds": seconds, "peak_bytes": peak, "status": status}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
