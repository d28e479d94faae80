"""Submissions that attack the machine, or are no notebook at all. Never run them outside a sandbox.

All but the broken files start from right answers, so that an honest score is at stake, and try
first to write a file named after themselves into the spy's folder. Whatever could do harm if the
sandbox failed is bounded: 200 processes, 8 GiB of memory, 2 GiB on disk, ten minutes asleep.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from submissions import (
    FULL,
    OK,
    WRONG,
    Cells,
    Scores,
    Submission,
    but,
    code,
    define,
    insert,
    replace,
    solved,
    write,
)

from ragkit.course.layout import labs

ALL_CRASH, ALL_TIMEOUT = {"*": "incorrect, crash"}, {"*": "incorrect, timeout"}
NOTHING = {"*": 0.0}
LITTER = "left-by-a-submission.txt"  # no such file may remain anywhere

_ARMED = """
import os

SPY, NAME, SOLUTION = {spy!r}, {name!r}, {solution!r}
ROOTS = ["", "/proc/1/root", f"/proc/{{os.getppid()}}/root", f"/proc/{{os.getppid()}}/cwd/../../.."]


def mark():
    for root in ROOTS:
        try:
            with open(f"{{root}}{{SPY}}/{{NAME}}", "w") as file:
                file.write("I was here")
        except OSError:
            pass


mark()
"""


@dataclass(frozen=True)
class Attack:
    """A cell put before the answers, other bodies for functions, other sources for answers."""

    name: str
    why: str
    cell: str = ""
    bodies: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    expected: dict[str, str] = field(default_factory=lambda: OK)
    scores: Scores = field(default_factory=lambda: FULL)
    start: Callable[[], Cells] = solved

    def built(self, spy: Path) -> Submission:
        """The notebook, armed with the names of the folder and the file to betray."""
        source = str(labs()[0].source)
        armed = _ARMED.format(spy=str(spy), name=self.name, solution=source).strip()
        cells = replace(define(self.start(), **self.bodies), **self.sources)
        cells = insert(cells, armed, *([self.cell.strip()] if self.cell else []))
        return Submission(self.name, write(cells), self.expected, self.scores, self.why)


def hostile(spy: Path) -> list[Submission]:
    """Attacks on the machine, attacks on the score, odd values, and broken files."""
    from forgeries import FORGERIES
    from oddities import ODDITIES

    attacks = [*_LOOPS, *_PROCESSES, *_BOMBS, *_ENDS, *_LINGERING, *FORGERIES, *ODDITIES]
    return [*(attack.built(spy) for attack in attacks), *_files(), *_sizes()]


def costs(name: str, why: str, expected: str | None, **bodies: str) -> Attack:
    """An attack inside functions, which costs these items and no others."""
    marks = but(OK, **dict.fromkeys(bodies, expected)) if expected else _without(OK, bodies)
    return Attack(name, why, "", bodies, {}, marks, {**FULL, **dict.fromkeys(bodies, 0.0)})


def _without(expected: dict[str, str], items: Any) -> dict[str, str]:
    return {item: words for item, words in expected.items() if item not in items}


def _whole(name: str, why: str, cell: str, expected: dict[str, str]) -> Attack:
    """An attack that brings the whole notebook down; without `expected`, perhaps."""
    return Attack(name, why, cell, expected=expected, scores=NOTHING if expected else {})


_SWALLOW = """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""
_IGNORE = """
import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True:
    pass
"""
_LOOPS = [
    _whole("loop-in-cell", "an endless loop in a cell", "while True:\n    pass", ALL_TIMEOUT),
    _whole("loop-that-swallows", "the loop swallows every exception", _SWALLOW, ALL_TIMEOUT),
    _whole(
        "loop-without-signals", "signals ignored and blocked, then a loop", _IGNORE, ALL_TIMEOUT
    ),
    costs(
        "loop-in-function",
        "two functions never return, one swallows every exception",
        "incorrect, timeout",
        mean_pool="while True:\n    pass",
        normalise=_SWALLOW.strip(),
    ),
]

_DETACH = """
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for _ in range(600):
            mark()
            time.sleep(1)
    os._exit(0)
os.wait()
"""
_POPEN = """
import subprocess

for shell in ("sleep 600", f"for i in $(seq 600); do touch '{SPY}/{NAME}'; sleep 1; done"):
    subprocess.Popen(["sh", "-c", f"trap '' HUP TERM; {shell}"], start_new_session=True)
"""
_FORKS = """
import time

for _ in range(200):
    if os.fork() == 0:
        time.sleep(600)
        os._exit(0)
"""
_PROCESSES = [
    Attack("detached-fork", "forks twice into a session of its own, writes to the spy", _DETACH),
    Attack("detached-popen", "starts shells in their own session that outlive it", _POPEN),
    _whole("fork-bomb", "200 sleeping processes: grading must end, none may remain", _FORKS, {}),
    Attack(
        "fork-in-function",
        "the function returns in two processes: grading must end",
        bodies={"mean_pool": f"os.fork()\n{WRONG}"},
        expected={},
        scores={"mean_pool": 0.0},
    ),
]

_MEMORY = """
held = []
for _ in range(64):
    held.append(bytearray(b"x") * 2**27)
"""
_DISK = """
try:
    with open("zeros", "wb", buffering=0) as file:
        for _ in range(2048):
            file.write(bytes(2**20))
except OSError as error:
    print(error)
"""
_FILES = """
for number in range(2000):
    with open(f"file-{number}", "wb") as file:
        file.write(bytes(2**16))
"""
_PRINTS = """
for _ in range(50):
    print("x" * 2**20)
"""
_BOMBS = [
    _whole("memory-in-cell", "8 GiB touched: either the cell raises or all is lost", _MEMORY, {}),
    costs("memory-in-function", "8 GiB touched in a function", None, mean_pool=_MEMORY.strip()),
    Attack("disk-bomb", "2 GiB of zeros into one file, then goes on", _DISK),
    Attack("files-bomb", "2,000 files of 64 KiB", _FILES),
    Attack("prints-50-mb", "50 MiB of output", _PRINTS),
    Attack(
        "long-text",
        "a text of 100 MB as the answer for a person",
        sources={"drill_01_2": "drill_01_2 = 'long ' * (2 * 10**7)"},
    ),
]

_PARENT = "os.kill(os.getppid(), 9)"
_ENDS = [
    _whole("exit-in-cell", "os._exit(0) looks like a good end", "os._exit(0)", ALL_CRASH),
    _whole("kills-itself", "SIGKILL to its own process", "os.kill(os.getpid(), 9)", ALL_CRASH),
    _whole("kills-parent", "SIGKILL to its parent: may or may not hit it", _PARENT, {}),
    _whole("closes-files", "closes every descriptor: grading ends", "os.closerange(0, 1024)", {}),
    Attack("sys-exit", "SystemExit stops only its cell", "import sys\n\nsys.exit(0)"),
    costs(
        "exit-in-function",
        "os._exit(0) in a function",
        "incorrect, crash",
        mean_pool="os._exit(0)",
    ),
    costs(
        "dies-in-functions",
        "four more ways for a process to die, one function each",
        "incorrect, crash",
        normalise="os.abort()",
        top_k="import ctypes\nctypes.string_at(0)",
        hit_rate="os.kill(os.getpid(), 9)",
        mean_cosine="os._exit(1)",
    ),
    costs(
        "raises-in-functions",
        "exceptions that an `except Exception` misses",
        None,
        normalise="import sys\nsys.exit(0)",
        top_k="raise KeyboardInterrupt",
        hit_rate="raise GeneratorExit",
        info_nce="raise BaseException('<script>alert(1)</script>')",
    ),
]

_THREAD = """
import atexit
import threading
import time


def stay():
    for _ in range(600):
        time.sleep(1)


threading.Thread(target=stay).start()
atexit.register(stay)
"""
_CHANGES = """
os.chdir("/")
os.environ.clear()
"""
_LITTER = f"""
import sys
import tempfile
from pathlib import Path

import ragkit

for folder in [ragkit.__path__[0], sys.prefix, "/tmp", "/var/tmp", "/dev/shm", Path.home(),
               tempfile.gettempdir(), *sys.path, Path(SOLUTION).parent, "..", "../.."]:
    try:
        (Path(folder) / {LITTER!r}).write_text("left by " + NAME)
    except OSError:
        pass
"""
_LINKS = """
for name in [*os.listdir("."), "report.json", "report.csv", "result.json", "notebook.ipynb"]:
    try:
        if os.path.isfile(name):
            os.remove(name)
        os.symlink(f"{SPY}/{NAME}", name)
    except OSError:
        pass
"""
_LINGERING = [
    Attack("lingers", "a thread and an exit handler that sleep for ten minutes", _THREAD),
    Attack("changes-process", "another folder and no environment", _CHANGES),
    Attack("litters", "leaves files where the next submission could find them", _LITTER),
    Attack("links", "links in its folder that lead to the spy", _LINKS, expected={}, scores={}),
]


# --- what is no notebook, or a very large one ----------------------------------------------------


def _files() -> list[Submission]:
    good = write(solved())
    broken = {
        "empty": (b"", "an empty file"),
        "binary": (bytes(range(256)) * 64, "no text at all"),
        "not-json": (b"def mean_pool(states, mask): ...", "Python, not JSON"),
        "truncated": (good[: len(good) // 2], "half a notebook"),
        "json-list": (b"[1, 2, 3]", "JSON, but a list"),
        "json-number": (b"42", "JSON, but a number"),
        "json-deep": (b"[" * 100_000 + b"]" * 100_000, "JSON nested 100,000 deep"),
    }
    crashed = [Submission(n, b, ALL_CRASH, NOTHING, why) for n, (b, why) in broken.items()]
    return [*crashed, *_wrong_types()]


def _wrong_types() -> list[Submission]:
    number, untyped, cells_dict = (json.loads(write(solved())) for _ in range(3))
    number["cells"][1]["source"] = 42
    del untyped["cells"][1]["cell_type"]
    cells_dict["cells"] = {"0": cells_dict["cells"][0]}
    made = {
        "source-is-number": (number, "a cell's source is a number: grading must go on"),
        "cell-without-type": (untyped, "a cell has no cell_type: grading must go on"),
        "cells-is-dict": (cells_dict, "the cells are a dict: grading must go on"),
    }
    return [Submission(n, json.dumps(b).encode(), {}, {}, why) for n, (b, why) in made.items()]


def _sizes() -> list[Submission]:
    cell = code("print('x' * 20)")
    cell.outputs = [nbformat.v4.new_output("stream", text="x" * 79 + "\n")]
    cell.outputs[0].text *= 250_000
    many, stored = insert(solved(), *["x = 1"] * 5000), [cell, *solved()]
    return [
        Submission("many-cells", write(many), OK, FULL, "5,000 cells more"),
        Submission("stored-output", write(stored), OK, FULL, "20 MB of stored output"),
    ]
