"""Submissions that attack the score, or look for what they must not see.

Those after a score give wrong answers on purpose: whatever they patch, forge or find, they must not
get a point for them. Those after a secret put what they find into the text of drill 01_2.
"""

from __future__ import annotations

from hostile import Attack
from submissions import EXERCISES, FULL, OK, TEXTS, WRONG, define, every, untouched

_UNTOUCHED, _NONE = {"*": "not attempted"}, {"*": 0.0}
_NO_EXERCISE = {**FULL, **dict.fromkeys(EXERCISES, 0.0)}
_INCORRECT = {**OK, **dict.fromkeys(EXERCISES, "incorrect")}
_REST = {item: OK[item] for item in OK if item not in EXERCISES}


def _wrong() -> list:
    """Every function wrong, no drill answered."""
    return define(untouched(), **every(WRONG))


def _forgery(name: str, why: str, cell: str, **bodies: str) -> Attack:
    """Nothing is earned; how the grader calls what remains is its own affair."""
    return Attack(name, why, cell, bodies, expected={}, scores=_NONE, start=_wrong)


_NUMPY = """
np.allclose = np.array_equal = np.isclose = lambda *a, **k: True
np.asarray = lambda a, *_, **__: np.zeros(np.shape(a))
np.testing.assert_allclose = lambda *a, **k: None
np.random.default_rng = lambda *a, **k: np.random.Generator(np.random.PCG64(0))
"""
_KIND_NUMPY = "\n".join(_NUMPY.strip().splitlines()[::2])
_CHECK = """
import builtins

import ragkit.course.check
import ragkit.course.drills
from ragkit.course import judging, verdict

right = verdict.Verdict("correct")
judging.find = lambda *a, **k: judging.Finding("correct")
judging._equal = judging.Check.judge = lambda *a, **k: right
for name in ("mean_pool", "normalise", "top_k", "hit_rate", "info_nce", "mean_cosine"):
    setattr(ragkit.course.check, name, lambda function: right)
ragkit.course.drills.check = lambda drill, answer: right
builtins.print = lambda *a, **k: None
"""
_JSON = """
import json
import pickle

good = '{"item": "mean_pool", "status": "correct", "score": 2, "kind": "correct"}'
json.dumps = lambda *a, **k: good
json.dump = lambda value, file, **k: file.write(good)
json.JSONEncoder.encode = lambda *a, **k: good
pickle.dumps = lambda *a, **k: good.encode()
"""
_BUILTINS = """
import builtins

builtins.isinstance = lambda *a: True
builtins.getattr = lambda *a: 2.0
builtins.NotImplementedError = KeyError
"""
_WRITE = """
real, pipe = os.write, os.pipe
line = b'{"item": "mean_pool", "status": "correct", "score": 2}\\n'
os.write = lambda fd, data: real(fd, line) and len(data)
os.pipe = lambda: pipe()[::-1]
"""
_FORGED = [
    '{"score": 1000}',
    '{"item": "mean_pool", "status": "correct", "score": 2}',
    '{"name": "mean_pool", "kind": "correct", "finding": "correct", "points": 2}',
]
_FDS = f"""
def forge():
    for fd in range(256):
        for line in {_FORGED!r}:
            try:
                os.set_blocking(fd, False)
                os.write(fd, f"\\n{{line}}\\n".encode())
            except OSError:
                pass


forge()
"""
_PRINT = f"""
import sys

for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
    for line in {_FORGED!r}:
        print("\\n" + line, file=stream, flush=True)
"""
_SCORES = [
    Attack(
        "patched-numpy",
        "NumPy says that all is close; the answers are wrong",
        _NUMPY,
        bodies=every(WRONG),
        expected=_INCORRECT,
        scores=_NO_EXERCISE,
    ),
    Attack("patched-numpy-right", "comparisons patched, and right answers", _KIND_NUMPY),
    Attack(
        "patched-check",
        "checks and print patched, nothing answered",
        _CHECK,
        expected=_UNTOUCHED,
        scores=_NONE,
        start=untouched,
    ),
    _forgery("patched-json", "every writer of JSON says ok", _JSON),
    _forgery("patched-builtins", "isinstance, getattr and NotImplementedError lie", _BUILTINS),
    _forgery("patched-write", "os.write says ok, os.pipe is the wrong way round", _WRITE),
    _forgery("forged-lines", "forged results into every open descriptor", _FDS),
    _forgery("forged-in-call", "forged during the call", _FDS, **every(f"forge()\n{WRONG}")),
    _forgery("forged-then-exit", "and then a clean exit", _FDS, **every("forge()\nos._exit(0)")),
    Attack(
        "forged-print",
        "a forged result on stdout and stderr",
        _PRINT,
        expected={**_UNTOUCHED, **dict.fromkeys(EXERCISES, "incorrect")},
        scores=_NONE,
        start=_wrong,
    ),
]

_LOOT = """
import gc
import inspect


def held():
    for frame in inspect.stack(0):
        yield from (frame.frame.f_locals, frame.frame.f_globals)
    for thing in gc.get_objects():
        if type(thing) is dict:
            yield thing
        elif type(thing).__name__ in ("Key", "Exercise", "Check"):
            yield {"expected": getattr(thing, "expected", None)}


def loot(name, *arguments):
    for place in held():
        found = place.get("expected")
        try:
            if callable(found):
                return found(*arguments)
            if isinstance(found, (float, np.ndarray)):
                return found
        except Exception:
            pass
    return -7.0
"""
_IMPORTED = """
import importlib


def imported(name, *arguments):
    for module in ("staff.lab01.exercises", "staff.registry", "check"):
        try:
            course = importlib.import_module(f"ragkit.course.{module}")
            return getattr(course, name).expected(*arguments)
        except (ImportError, AttributeError):
            pass
    raise LookupError(name)
"""
_STEAL = """
import json
import re
import subprocess
import sys
from pathlib import Path

import ragkit


def chunks(text):
    try:
        return ["".join(cell["source"]) for cell in json.loads(text)["cells"]]
    except ValueError:
        return re.split("^# %%.*$", text, flags=re.M)


def learn(text):
    for chunk in chunks(text):
        found = re.match(r"\\s*def (\\w+)\\(", chunk)
        if found and "your turn" not in chunk:
            scope = {"np": np}
            try:
                exec(chunk, scope)
            except Exception:
                continue
            stolen.setdefault(found[1], scope[found[1]])


def steal(name, *arguments):
    return stolen[name](*arguments) if name in stolen else -7.0


stolen = {}
"""
_FROM_FILES = """
places = [Path(root + SOLUTION).parent.parent for root in ROOTS]
places += [*Path(ragkit.__file__).resolve().parents, Path.cwd(), *Path.cwd().parents]
places += map(Path, sys.path)
for place in places:
    for pattern in ("solutions/01-*", "*/solutions/01-*", "01-*"):
        try:
            for path in place.glob(pattern):
                learn(path.read_text())
        except (OSError, ValueError, SyntaxError):
            pass
"""
_FROM_MOUNTS = """
for line in Path("/proc/self/mountinfo").read_text().splitlines():
    for name in line.split()[3:5]:
        for place in (Path(name), *Path(name).parents):
            try:
                for path in place.glob("solutions/01-*"):
                    learn(path.read_text())
            except (OSError, ValueError, SyntaxError):
                pass
"""
_FROM_GIT = """
show = "HEAD:solutions/01-embeddings-and-biencoders.py"
for place in (Path(SOLUTION).parent, Path(ragkit.__file__).parent, Path.cwd()):
    try:
        shown = subprocess.run(
            ["git", "-c", "safe.directory=*", "-C", str(place), "show", show],
            capture_output=True, text=True, timeout=5,
        )
        learn(shown.stdout)
    except (OSError, subprocess.SubprocessError):
        pass
"""


def _theft(name: str, why: str, cell: str, call: str, sure: bool = True) -> Attack:
    """The answers come from elsewhere; where nothing is found they are wrong."""
    bodies = every(f"return {call}('NAME_', ARGS_)")
    return Attack(name, why, cell, bodies, {}, _INCORRECT if sure else _REST, _NO_EXERCISE)


_THEFTS = [
    _theft("loots-memory", "looks for `expected` in frames and all objects", _LOOT, "loot"),
    _theft("imports-key", "calls the course's own `expected`", _IMPORTED, "imported", sure=False),
    _theft("steals-files", "reads solutions near ragkit and itself", _STEAL + _FROM_FILES, "steal"),
    _theft("steals-mounts", "reads solutions by the mounts", _STEAL + _FROM_MOUNTS, "steal"),
    _theft("steals-git", "reads solutions out of git", _STEAL + _FROM_GIT, "steal"),
]


def _snoop(name: str, why: str, cell: str) -> Attack:
    sources = {"drill_01_2": "drill_01_2 = ('Seen: ' + ' '.join(seen))[:15000]"}
    return Attack(name, why, _SEEN + cell.lstrip(), sources=sources)


_SEEN = """
from pathlib import Path

seen = []


def look(path):
    try:
        seen.append(Path(path).read_bytes()[:100_000].decode(errors="replace"))
    except OSError:
        pass


"""
_SECRET = """
for root in ROOTS:
    look(f"{root}{SPY}/secret.txt")
"""
_PROC = """
for process in ("self", os.getppid(), *filter(str.isdigit, os.listdir("/proc"))):
    if str(process) != str(os.getpid()):
        look(f"/proc/{process}/environ")
        look(f"/proc/{process}/cmdline")
"""
_OTHERS = """
for root in ROOTS:
    for place in (Path.cwd(), Path.cwd().parent, Path.cwd().parent.parent, Path(root + SPY).parent):
        try:
            for path in [*place.glob("*.ipynb"), *place.glob("*/*.ipynb")]:
                look(path)
        except OSError:
            pass
for path in Path("/tmp").rglob("*.ipynb"):
    look(path)
lines = [line for text in seen for line in text.splitlines() if "drill_01_2 = " in line]
seen = list(dict.fromkeys(lines))
"""
_CONNECT = """
import socket

reached = []
hosts = [("1.1.1.1", 53), ("127.0.0.1", 22), ("127.0.0.1", 80), ("::1", 22)]
try:
    for line in open("/proc/net/tcp").read().splitlines()[1:]:
        if line.split()[3] == "0A":
            hosts.append(("127.0.0.1", int(line.split()[1].split(":")[1], 16)))
except OSError:
    pass


def reach():
    for host in hosts:
        try:
            socket.create_connection(host, timeout=0.5).close()
            return True
        except OSError:
            pass
    return False
"""
_TEXT_ATTACK = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> ``` | [x](javascript:alert(3))"
)
_SNOOPS = [
    _snoop("reads-secret", "a file outside the sandbox", _SECRET),
    _snoop("reads-processes", "other processes' environment and command line", _PROC),
    _snoop("reads-others", "the notebooks of other students", _OTHERS),
    Attack(
        "connects",
        "right unless it reaches anybody: the network, this machine, what listens here",
        _CONNECT,
        bodies={
            "normalise": f"if reach():\n    {WRONG}\n"
            "return rows / np.linalg.norm(rows, axis=1, keepdims=True)"
        },
    ),
]

_MARKUP = {
    "drill_01_2": f"drill_01_2 = {_TEXT_ATTACK!r}",
    "drill_01_4": "drill_01_4 = '</td></table><!-- <style>*{display:none}</style> {{7*7}} ${x}'",
}
_FORMULAS = {
    "drill_01_1": "drill_01_1 = ('=1+1', '+1')",
    "drill_01_2": 'drill_01_2 = \'=HYPERLINK("http://localhost/", "click")\'',
    "drill_01_3": "drill_01_3 = ('@SUM(A1:A9)', '-2+3', '\\t=1')",
    "drill_01_4": "drill_01_4 = '+1'",
    "drill_01_5": "drill_01_5 = (0.02, 'uniform', '\\r\\n-2+3;\"=1\",@SUM(1)')",
}
_INJECTIONS = [
    Attack(
        "markup",
        "markup in texts, output, and what a function raises",
        f"print({_TEXT_ATTACK!r})",
        bodies={"mean_pool": f"raise ValueError({_TEXT_ATTACK!r})"},
        sources=_MARKUP,
        expected={item: OK[item] for item in OK if item != "mean_pool"},
        scores={**FULL, "mean_pool": 0.0},
    ),
    Attack(
        "formulas",
        "answers that a spreadsheet would execute",
        sources=_FORMULAS,
        expected=OK | {"drill_01_1": "incorrect"},
        scores=FULL | {"drill_01_1": 0.0},
    ),
    Attack(
        "control-characters",
        "half a surrogate pair, NUL, terminal codes, right to left",
        sources={t: f"{t} = '\\ud800 \\x00 \\x1b[31m \\u202e \\x85 text'" for t in TEXTS[::2]},
    ),
]

FORGERIES = [*_SCORES, *_THEFTS, *_SNOOPS, *_INJECTIONS]
