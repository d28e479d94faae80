"""The sandbox's process: it takes a request and a notebook, shuts itself in, and runs it."""

from __future__ import annotations

import json
import os
import signal
import sys

from .isolate import enter_namespaces, set_dumpable, shut_in
from .limits import limit


def main() -> None:
    """Read the request and the notebook from stdin, then run it in a process of its own."""
    request = json.loads(sys.stdin.buffer.readline())
    notebook = sys.stdin.buffer.read()
    limit(request["memory"], request["cpu_seconds"], request["file_size"])
    signal.alarm(request["cpu_seconds"] + 10)  # should the grader be gone by then
    if request["isolate"]:
        enter_namespaces()
    shut_in_process = os.fork()
    if shut_in_process:
        os._exit(_status(shut_in_process))
    if request["isolate"]:
        shut_in(request["work"], request["hidden"], request["visible"], request["disk"])
    runner = os.fork()
    if runner:  # process 1 of the namespace runs no submission; when it ends, all the others do
        os.dup2(os.open(os.devnull, os.O_RDWR), request["results"])
        os._exit(_status(runner))
    if request["isolate"]:
        set_dumpable(True)  # of itself alone; the grader measures its memory
    from .run import run  # with numpy: namespaces are entered before, with a single thread

    run(request, notebook)


def _status(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) & 0x7F
