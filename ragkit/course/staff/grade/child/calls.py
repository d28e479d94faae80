"""Call a student's functions on the grader's inputs, each function in a process of its own.

An endless loop, an exit or a crash in one function affects only that function.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from ragkit.course import plain

from . import records
from .records import Send

# taken before a submission runs: it may replace what the modules hold
_fork, _wait, _exit, _setpgid = os.fork, os.waitpid, os._exit, os.setpgid
_kill, _kill_group, _sleep, _clock = os.kill, os.killpg, time.sleep, time.monotonic
_encode, _decode, _copy = plain.encode, plain.decode, deepcopy
_record, _with_value, _with_error = records.answer, records.with_value, records.with_error
_end = records.end


def answer(name: str, function: Any, inputs: Sequence[Any], seconds: float, send: Send) -> None:
    """Send what `function` returns for each input, then how it ended: done or timeout."""
    child = _fork()
    if child == 0:
        try:
            _setpgid(0, 0)
            _call_all(name, function, inputs, send)
        finally:
            _exit(0)
    send(_end(name, _await(child, seconds)))


def _call_all(name: str, function: Any, inputs: Sequence[Any], send: Send) -> None:
    for number, arguments in enumerate(inputs):
        record = _record(name, number)
        try:
            record = _with_value(record, _encode(function(*_copy(_decode(arguments)))))
        except BaseException as error:
            record = _with_error(record, type(error).__name__)
        send(record)


def _await(child: int, seconds: float) -> str:
    """Wait for a process to end, and kill it and its group after `seconds`."""
    deadline, pause = _clock() + seconds, 0.0005
    while _clock() < deadline:
        done, _ = _wait(child, os.WNOHANG)
        if done:
            return "done"
        _sleep(pause)
        pause = min(2 * pause, 0.05)
    for stop in (_kill_group, _kill):
        try:
            stop(child, signal.SIGKILL)
        except OSError:
            continue
    _wait(child, 0)
    return "timeout"
