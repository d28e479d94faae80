"""A class of made-up submissions of lab 01 for the grader's tests: the honest ones, and the tools.

Nothing here runs a submission. `a_class` returns these and the hostile ones of `hostile.py`, each
with what the grader must say of it; what is not sure is left out.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import indent
from typing import Any

import nbformat

from ragkit.course.layout import labs
from ragkit.course.staff import editions

Cells = list[Any]
Scores = dict[str, float | tuple[float, float]]

ARGUMENTS = {
    "mean_pool": "states, mask",
    "normalise": "rows",
    "top_k": "query, documents, k",
    "hit_rate": "rankings, qrels, k",
    "info_nce": "queries, documents, temperature",
    "mean_cosine": "vectors",
}
EXERCISES = tuple(ARGUMENTS)
DRILLS = ("drill_01_1", "drill_01_5")
PAIR = "drill_01_3"  # its words are counted, and a person reads it
TEXTS = ("drill_01_2", "drill_01_3_reason", "drill_01_4", "drill_01_5_reason")
OK = dict.fromkeys(EXERCISES + DRILLS, "correct") | dict.fromkeys((*TEXTS, PAIR), "recorded")
FULL: Scores = dict.fromkeys(EXERCISES, 2.0) | dict.fromkeys(DRILLS, 1.0)
NAMED = (1.0, 2.0)  # what a named mistake is worth: half or more, less than all
WRONG = "return -7.0"  # neither right nor a named mistake, whatever the input
PRIVATE = "Only half-done wrote these words; they may stand in no other report."


@dataclass(frozen=True)
class Submission:
    """A file that a student hands in, and what the grader must say of it.

    `expected` and `scores` go by item, "*" stands for all items not named. What is expected is a
    status and, unless it is "complete", a delivery: "correct, duplicate". A pair of scores is a
    half-open range. An item in neither is one for which several answers are right.
    """

    name: str
    notebook: bytes
    expected: dict[str, str]
    scores: Scores
    why: str


def a_class(spy: Path) -> list[Submission]:
    """All submissions. The hostile ones try to write into `spy` and to read its `secret.txt`."""
    from hostile import hostile

    return [*honest(), *hostile(spy)]


# --- the tools: a notebook is a list of cells ----------------------------------------------------


def whole(solved: bool = True) -> Cells:
    """Every cell of an edition, in a copy."""
    return deepcopy(_edition(solved).cells)


def solved() -> Cells:
    """The smallest notebook with every answer: imports, exercises, drills."""
    return _lean(True)


def untouched() -> Cells:
    """The smallest notebook as it is handed out."""
    return _lean(False)


def code(source: str) -> Any:
    """A code cell."""
    name = hashlib.sha256(source.encode()).hexdigest()[:10]
    return nbformat.v4.new_code_cell(source, id=name)


def take(cells: Cells, *names: str) -> Cells:
    """The cells that answer these exercises and drills."""
    return [cell for cell in cells if _name(cell) in names]


def drop(cells: Cells, *names: str) -> Cells:
    """All cells but those that answer these."""
    return [cell for cell in cells if _name(cell) not in names]


def insert(cells: Cells, *sources: str, at: int = 1) -> Cells:
    """New cells at a place; the place 1 is after the imports."""
    return [*cells[:at], *map(code, sources), *cells[at:]]


def replace(cells: Cells, **sources: str) -> Cells:
    """Other sources for the cells that answer these."""
    return [code(sources[name]) if (name := _name(cell)) in sources else cell for cell in cells]


def define(cells: Cells, **bodies: str) -> Cells:
    """Other bodies for the functions of these exercises."""
    return replace(cells, **{name: function(name, body) for name, body in bodies.items()})


def function(name: str, body: str) -> str:
    """The source of an exercise's function with this body."""
    return f"def {name}({ARGUMENTS[name]}):\n{indent(body, '    ')}"


def every(body: str) -> dict[str, str]:
    """The same body for all six functions; `NAME_` and `ARGS_` in it become each one's own."""
    return {
        name: body.replace("NAME_", name).replace("ARGS_", arguments)
        for name, arguments in ARGUMENTS.items()
    }


def but(all_items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The same for all items but these; None leaves one out."""
    return {item: own for item, own in {**all_items, **changes}.items() if own is not None}


def write(cells: Cells, **metadata: Any) -> bytes:
    """The file; a cell that occurs twice gets a new id, as Jupyter does it."""
    seen: Counter[str] = Counter()
    cells = deepcopy(cells)
    for cell in cells:
        seen[cell.id] += 1
        cell.id += f"-{seen[cell.id]}" if seen[cell.id] > 1 else ""
    about = {**_edition(True).metadata, **metadata}
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells, metadata=about)).encode()


@cache
def _edition(solved: bool) -> Any:
    return editions.build(labs()[0].source, solved=solved)


def _lean(solved: bool) -> Cells:
    imports = code("import numpy as np\n\nfrom ragkit.course import check, drills")
    return [imports, *take(whole(solved), *EXERCISES, *OK)]


def _name(cell: Any) -> str:
    found = re.match(r"(?:def )?(\w+)", str(cell.source))
    return found[1] if found else ""


# --- the honest ones -----------------------------------------------------------------------------


def honest() -> list[Submission]:
    """Students who mean well, however they go about it."""
    return [
        _perfect(),
        _untouched(),
        _half_done(),
        *_named_mistakes(),
        _wrong_drills(),
        _overflow(),
        *_moved(),
        *_repeated(),
        *_absent(),
        *_broken_cells(),
        *_other_forms(),
        *_other_answers(),
    ]


def _good(name: str, cells: Cells, why: str, **metadata: Any) -> Submission:
    return Submission(name, write(cells, **metadata), OK, FULL, why)


def _perfect() -> Submission:
    return _good("perfect", whole(), "the whole solved edition, with all demo cells")


def _untouched() -> Submission:
    expected, scores = {"*": "not attempted"}, {"*": 0.0}
    return Submission("untouched", write(untouched()), expected, scores, "handed in as handed out")


def _half_done() -> Submission:
    done = ["mean_pool", "normalise", "top_k", "drill_01_1"]
    mine = {_name(cell): cell.source for cell in take(solved(), *done)}
    cells = replace(untouched(), **mine, drill_01_2=f"drill_01_2 = {PRIVATE!r}")
    expected = {"*": "not attempted", **dict.fromkeys(done, "correct"), "drill_01_2": "recorded"}
    scores = {**dict.fromkeys(FULL, 0.0), **{name: FULL[name] for name in done}}
    return Submission("half-done", write(cells), expected, scores, "three exercises, two drills")


_HIT = "[any(j.get(d, 0) > 0 for d in rankings.get(q, [])[:k]) for q, j in qrels.items()]"
_LOSS = (
    "logits = queries @ documents.T / temperature\n"
    "return (np.logaddexp.reduce(logits, axis=1) - np.diag(logits)).mean()"
)
_PAIRS = (
    "unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)\n"
    "return (unit @ unit.T)[np.triu_indices(len(unit), k=1)].mean()"
)
# The named mistakes of lab 01 a second time, as a student would write them: on purpose not made
# from the course's functions, so that a mistake recognised only in the course's form is noticed.
MISTAKES = {
    "mean_pool": [
        "return states.mean(axis=1)",
        "return (states * mask[..., None]).mean(axis=1)",
        "return (states * mask[..., None]).sum(axis=1)",
        "return states.mean(axis=0)",
        "return states.mean(axis=2)",
        "return states[:, 0]",
        "mean = (states * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)\n"
        "return mean / np.linalg.norm(mean, axis=1, keepdims=True)",
    ],
    "normalise": [
        "return rows",
        "return rows / np.linalg.norm(rows)",
        "return rows / np.linalg.norm(rows, axis=0)",
        "return rows / np.abs(rows).sum(axis=1, keepdims=True)",
        "return rows / (rows**2).sum(axis=1, keepdims=True)",
    ],
    "top_k": [
        "return np.argsort(documents @ query)[:k]",
        "return np.argsort(documents @ query)[-k:]",
        "return np.sort(documents @ query)[::-1][:k]",
        "return np.argsort(-(documents @ query))[: k - 1]",
        "return np.argsort(-(documents @ query))[: k + 1]",
        "return np.argsort(-(documents @ query))[1 : k + 1]",
    ],
    "hit_rate": [
        f"qrels = {{q: qrels[q] for q in qrels if q in rankings}}\nreturn np.mean({_HIT})",
        f"k = k - 1\nreturn np.mean({_HIT})",
        f"k = k + 1\nreturn np.mean({_HIT})",
        f"return np.mean({_HIT.replace('j.get(d, 0) > 0', 'd in j')})",
        f"return sum({_HIT})",
        f"return np.mean({_HIT.replace('any(', 'sum(')}) / k",
    ],
    "info_nce": [
        _LOSS.replace("/ temperature", "* temperature"),
        _LOSS.replace("/ temperature", ""),
        _LOSS.replace("return ", "return -"),
        _LOSS.replace("reduce(logits", "reduce(logits - np.diag([np.inf] * len(logits))"),
        _LOSS.replace(".mean()", ".sum()"),
        _LOSS.replace("axis=1", "axis=0"),
    ],
    "mean_cosine": [
        _PAIRS.replace("[np.triu_indices(len(unit), k=1)]", ""),
        "return (vectors @ vectors.T)[np.triu_indices(len(vectors), k=1)].mean()",
        _PAIRS.replace("(unit @ unit.T)", "np.abs(unit @ unit.T)"),
        _PAIRS.replace(".mean()", ".sum()"),
    ],
}


TRIVIAL = ("return states[:, 0]", "return rows")  # named, and worth nothing


def _named_mistakes() -> list[Submission]:
    return [
        Submission(
            f"mistakes-{turn + 1}",
            write(define(solved(), **wrong)),
            {**OK, **dict.fromkeys(wrong, "incorrect")},
            {**FULL, **{name: 0.0 if wrong[name] in TRIVIAL else NAMED for name in wrong}},
            f"named mistake number {turn + 1} of {', '.join(wrong)}",
        )
        for turn in range(max(map(len, MISTAKES.values())))
        if (
            wrong := {name: bodies[turn] for name, bodies in MISTAKES.items() if turn < len(bodies)}
        )
    ]


def _wrong_drills() -> Submission:
    same = "Use since with a starting point."
    cells = replace(
        solved(),
        drill_01_1="drill_01_1 = (92160, 0.088)",
        drill_01_3=f"drill_01_3 = ({same!r}, {same!r}, 'Nothing: they are the same sentence.')",
        drill_01_5="drill_01_5 = (0.2, 'one-hot', 'I guessed.')",
    )
    expected = {**OK, **dict.fromkeys((*DRILLS, PAIR), "incorrect")}
    scores = {**FULL, **dict.fromkeys(DRILLS, (0.0, 1.0)), PAIR: 0.0}
    why = "wrong numbers, twice the same sentence, wrong choices; short texts are still texts"
    return Submission("wrong-drills", write(cells), expected, scores, why)


def _overflow() -> Submission:
    naive = (
        "shares = np.exp(queries @ documents.T / temperature)\n"
        "return -np.log(np.diag(shares) / shares.sum(axis=1)).mean()"
    )
    why = "a naive softmax, right but for float32 with a small temperature: three cases of four"
    expected, scores = but(OK, info_nce="incorrect"), but(FULL, info_nce=NAMED)
    return Submission("overflow", write(define(solved(), info_nce=naive)), expected, scores, why)


def _moved() -> list[Submission]:
    at_the_end = [*drop(solved(), *EXERCISES), *take(solved(), *EXERCISES)]
    used = insert(solved(), "check.mean_pool(mean_pool)\nprint(mean_pool(states, mask))")
    return [
        _good("moved-to-the-end", at_the_end, "the exercises come after the drills"),
        _good("reversed", solved()[::-1], "every cell in reverse order, the imports last"),
        _good("used-before-defined", used, "a cell calls a function that a later one defines"),
    ]


def _repeated() -> list[Submission]:
    twice = [*solved(), *take(solved(), "mean_pool", "drill_01_1")]
    stub_last = [*solved(), *take(untouched(), "mean_pool", "drill_01_1")]
    stub_first = [*take(untouched(), *EXERCISES), *solved()]
    later = insert(solved(), function("normalise", WRONG), at=len(solved()))
    two = insert(later, function("mean_pool", WRONG), "drill_01_1 = (1, 1)")
    both = but(OK, mean_pool="correct, duplicate", drill_01_1="correct, duplicate")
    three = but(both, normalise="incorrect, duplicate")
    return [
        Submission("twice", write(twice), both, FULL, "the same answer in two cells"),
        _good("stub-last", stub_last, "the stub is left after the answer and does not count"),
        _good("stub-first", stub_first, "the stubs are left before the answers"),
        Submission(
            "two-answers",
            write(two),
            three,
            but(FULL, normalise=0.0),
            "two different answers: the last counts, right after wrong and wrong after right",
        ),
    ]


def _absent() -> list[Submission]:
    gone = ["mean_pool", "drill_01_1", "drill_01_3", "drill_01_3_reason", "drill_01_4"]
    renamed = replace(
        solved(),
        mean_pool=take(solved(), "mean_pool")[0].source.replace("mean_pool", "mean_pooling"),
        drill_01_1="drill_1 = (368640, 0.352)",
    )
    absent = {
        "deleted": (drop(solved(), *gone), gone, "cells are deleted"),
        "renamed": (renamed, ["mean_pool", "drill_01_1"], "a function and a drill are renamed"),
    }
    return [
        Submission(
            name,
            write(cells),
            {**OK, **dict.fromkeys(lost, "not attempted, missing")},
            {**FULL, **{item: 0.0 for item in lost if item in FULL}},
            why,
        )
        for name, (cells, lost, why) in absent.items()
    ]


def _broken_cells() -> list[Submission]:
    broken = replace(solved(), mean_pool="def mean_pool(states, mask:\n    return states")
    magics = (
        "!echo hello\nfiles = !ls\n%time x = 1\n%matplotlib inline",
        "%%bash\nexit 1",
        "get_ipython().system('exit 1')",
        "import asyncio\nawait asyncio.sleep(0)",
    )
    return [
        Submission(
            "syntax-error",
            write(broken),
            but(OK, mean_pool="incorrect, missing"),
            but(FULL, mean_pool=0.0),
            "a cell that does not parse defines nothing",
        ),
        _good("syntax-error-elsewhere", insert(solved(), "to do: ask about this"), "a stray note"),
        _good("raises-first", insert(solved(), "1 / 0"), "a cell raises before the exercises"),
        _good("magics", insert(solved(), *magics), "shell escapes and magics do nothing"),
        _good("asks", insert(solved(), "who = input('Your name? ')"), "nobody answers input()"),
    ]


def _other_forms() -> list[Submission]:
    right = {name: take(solved(), name)[0].source for name in EXERCISES}
    forms = replace(
        solved(),
        normalise="normalise = lambda rows: rows / np.linalg.norm(rows, axis=1, keepdims=True)",
        top_k="class Search:\n    def __call__(self, query, documents, k):\n"
        "        return np.argsort(-(documents @ query), kind='stable')[:k]\n\n\ntop_k = Search()",
        mean_cosine="import functools\n\n"
        + right["mean_cosine"].replace("def mean_cosine(", "def cone(offset, ")
        + "\n\n\nmean_cosine = functools.partial(cone, 0)",
        hit_rate="import functools\n\n\ndef loud(f):\n    @functools.wraps(f)\n"
        "    def g(*a):\n        print(a)\n        return f(*a)\n\n    return g\n\n\n@loud\n"
        + right["hit_rate"],
        mean_pool=right["mean_pool"].replace("    kept", "    print(states)\n    kept"),
    )
    waits = replace(solved(), info_nce="async " + right["info_nce"])
    expected, scores = but(OK, info_nce="incorrect"), but(FULL, info_nce=0.0)
    return [
        _good("other-forms", forms, "lambda, callable object, partial, decorated, with prints"),
        Submission("async", write(waits), expected, scores, "async def: returns a coroutine"),
        _good("other-kernel", solved(), "metadata name a kernel nobody has", kernelspec=_JULIA),
        _good("=1+1 <b>Núñez & Co", solved(), "a file name that is a formula and markup"),
    ]


_JULIA = {"display_name": "Julia 1.10", "language": "julia", "name": "julia-1.10"}


def _other_answers() -> list[Submission]:
    tensors = define(
        solved(),
        mean_pool="import torch\nm = torch.tensor(mask)[..., None]\n"
        "return (torch.tensor(states) * m).sum(1) / m.sum(1)",
        normalise="rows /= np.linalg.norm(rows, axis=1, keepdims=True)\nreturn rows",
        top_k="return np.argsort(-(documents @ query), kind='stable')[:k].tolist()",
        hit_rate=f"return float(np.mean({_HIT}))",
        info_nce="import torch\nx = torch.tensor(queries @ documents.T, requires_grad=True)\n"
        "return torch.nn.functional.cross_entropy(x / temperature, torch.arange(len(x)))",
    )
    reason = "'The hardest negatives get nearly all of the push.'"
    lists = {
        "drill_01_1": "drill_01_1 = [np.int64(368640), np.float32(0.3516)]",
        "drill_01_3": take(solved(), "drill_01_3")[0].source + "\ndrill_01_3 = list(drill_01_3)",
        "drill_01_5": f"drill_01_5 = [np.float64(0.02), np.str_('uniform'), {reason}]",
    }
    words = {
        "drill_01_1": "drill_01_1 = ('368 640 bytes', '0,352 MiB')",
        "drill_01_5": f"drill_01_5 = ('τ = 0.02', ' Uniforme. ', {reason})",
    }
    spanish = {
        "drill_01_2": "drill_01_2 = '¿Por qué la media? El significado está en cada palabra.'",
        "drill_01_4": "drill_01_4 = 'El codificador cruzado lee la pregunta y el documento.'",
        "drill_01_5": "drill_01_5 = (0.02, 'uniforme', 'Los negativos más difíciles: ñ, ü, €.')",
    }
    return [
        _good("tensors", tensors, "right values as tensor, list, float, and changed in place"),
        _good("lists", replace(solved(), **lists), "lists for tuples, NumPy's numbers and texts"),
        _good(
            "words", replace(solved(), **words), "numbers as text, as the lab's check takes them"
        ),
        _good("spanish", replace(solved(), **spanish), "texts in Spanish"),
    ]
