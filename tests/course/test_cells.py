"""Which cells of a submission the grader runs."""

from __future__ import annotations

import ast
import contextlib
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core import inputtransformer2

from ragkit.course.work.cells import Plan, is_stub, make_plan, parse, read_cells

STUB = 'def f(x):\n    raise NotImplementedError("your turn")'
DOCUMENTED = 'def f(x):\n    """Double it."""\n    raise NotImplementedError("your turn")'
ANSWER = "def f(x):\n    return 2 * x"
OTHER = "def f(x):\n    return x + x"


class NoShell:
    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def plan_of(added: Sequence[str], handed_out: Sequence[str] = (), name: str = "f") -> Plan:
    """The plan for a lab as it was handed out, with cells added at its end."""
    return make_plan([*handed_out, *added], handed_out, [name])


def planned(plan: Plan) -> list[tuple[int, str]]:
    return [(unit.cell, "; ".join(map(ast.unparse, unit.statements))) for unit in plan.units]


def run(plan: Plan) -> dict[str, Any]:
    """What the planned cells leave behind."""
    namespace: dict[str, Any] = {"get_ipython": NoShell}
    for unit in plan.units:
        code = compile(ast.Module(unit.statements, type_ignores=[]), "<cell>", "exec")
        exec(code, namespace)  # noqa: S102  # our own cells
    return namespace


# What is run


def test_an_unchanged_demonstration_is_not_run() -> None:
    plan = plan_of([], ["x = 1", "print(x)", "y = slow(x)"])
    assert planned(plan) == []


def test_white_space_around_a_cell_is_no_change() -> None:
    assert planned(make_plan(["\nprint(1)\n\n"], ["print(1)"], [])) == []


def test_a_changed_cell_and_a_new_one_are_run_whole() -> None:
    plan = make_plan(["x = 2\nprint(x)", "print(3)"], ["x = 1\nprint(x)"], [])
    assert planned(plan) == [(1, "x = 2; print(x)"), (2, "print(3)")]


def test_of_an_unchanged_cell_only_what_binds_a_needed_name_is_run() -> None:
    handed_out = ["a = 1\nprint(a)\nunused = 2", "b = a + 1", "print(b)"]
    plan = plan_of(["answer = b"], handed_out)
    assert planned(plan) == [(1, "a = 1"), (2, "b = a + 1"), (4, "answer = b")]


@pytest.mark.parametrize(
    ("handed_out", "added"),
    [
        (["scale = 3", "def g(v):\n    return scale * v"], "answer = g(2)"),
        (["scale = 3"], "def g(v):\n    return scale * v\nanswer = g(2)"),
        (["scale = 3"], "answer = sum([scale for _ in range(2)])"),
        (["scale = 3"], "class Box:\n    size = 2 * scale\nanswer = Box.size"),
        (["scale = 3"], "answer = (lambda: (lambda: 2 * scale)())()"),
        (["scale = 3"], "def g(v=scale):\n    return 2 * v\nanswer = g()"),
        (["import math as m"], "answer = m.factorial(3)"),
        (["from math import factorial"], "answer = factorial(3)"),
        (["a, (b, *c) = 1, (2, 3)"], "answer = a * b * c[0]"),
        (["for scale in range(4):\n    pass"], "answer = 2 * scale"),
        (["if True:\n    scale = 3"], "answer = 2 * scale"),
        (["scale = 1", "scale += 2"], "answer = 2 * scale"),
        (["(scale := 3)"], "answer = 2 * scale"),
        (
            ["def g():\n    global scale\n    scale = 3", "g()", "run = g()"],
            "run\nanswer = 2 * scale",
        ),
    ],
)
def test_a_needed_name_is_bound_before_it_is_read(handed_out: list[str], added: str) -> None:
    assert run(plan_of([added], handed_out))["answer"] == 6


BOX = "class Box:\n    a = None\nx = Box()\nx.b = [[0], [0]]"


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("x.b.append(1)", (None, [[0], [0], 1])),
        ("x.b[0] = 1", (None, [1, [0]])),
        ("x.b[0][0] = 1", (None, [[1], [0]])),
        ("x.b[1].append(1)", (None, [[0], [0, 1]])),
        ("x.a = 1", (1, [[0], [0]])),
        ("x.b += [1]", (None, [[0], [0], 1])),
        ("for i in (1, 2):\n    x.b[0] = i", (None, [2, [0]])),
    ],
)
def test_a_change_in_place_of_a_needed_object_is_run(change: str, left: tuple[Any, ...]) -> None:
    x = run(plan_of(["x"], [BOX, change]))["x"]
    assert (x.a, x.b) == left


@pytest.mark.parametrize(
    "change",
    [
        "for i in (1, 2):\n    x.append(i)",
        "if True:\n    x.extend((1, 2))",
        "try:\n    x.extend((1, 2))\nfinally:\n    pass",
        "from contextlib import suppress\nwith suppress(ValueError):\n    x.extend((1, 2))",
    ],
)
def test_a_change_in_place_inside_a_block_is_run(change: str) -> None:
    assert run(plan_of(["x"], ["x = []", change]))["x"] == [1, 2]


def test_a_change_in_place_of_what_nobody_needs_is_not_run() -> None:
    plan = plan_of(["y = 1"], ["x = []", "x.append(1)"])
    assert planned(plan) == [(3, "y = 1")]


# Answers and stubs


@pytest.mark.parametrize(
    ("statement", "stub"),
    [
        (STUB, True),
        (DOCUMENTED, True),
        ("drill_01_1 = None", True),
        ('drill_01_1 = ""', True),
        ('drill_01_1 = " \\n "', True),
        (ANSWER, False),
        ("def f(x):\n    y = x\n    raise NotImplementedError('later')", False),
        ("def f(x):\n    raise ValueError('no')", False),
        ("def f(x):\n    '''Nothing.'''", False),
        ("drill_01_1 = 0", False),
        ("drill_01_1 = (None, None)", False),
        ("drill_01_1 = 'because'", False),
    ],
)
def test_a_stub_is_what_the_lab_hands_out(statement: str, stub: bool) -> None:
    assert is_stub(ast.parse(statement).body[0]) is stub


@pytest.mark.parametrize("stub", [STUB, DOCUMENTED])
@pytest.mark.parametrize("order", ["before", "after", "same cell"])
def test_a_copy_of_the_stub_does_not_overwrite_the_answer(stub: str, order: str) -> None:
    added = {
        "before": [stub + "\n# mine", ANSWER],
        "after": [ANSWER, stub + "\n# mine"],
        "same cell": [f"{ANSWER}\n{stub}"],
    }[order]
    plan = plan_of(added, [stub])
    assert run(plan)["f"](2) == 4
    assert len(plan.answered["f"]) == 1


@pytest.mark.parametrize("stub", [STUB, DOCUMENTED])
def test_where_there_is_no_answer_the_stub_is_told(stub: str) -> None:
    plan = plan_of(["callable(f)"], [stub])
    assert plan.answered == {"f": []}
    assert plan.stubs == {"f"}
    with pytest.raises(NotImplementedError):
        run(plan)["f"](1)


def test_two_answers_are_counted_and_the_last_one_is_shown_and_holds() -> None:
    plan = plan_of([ANSWER, "print(1)", f"import math\n{OTHER}\n"], [STUB])
    assert plan.answered == {"f": [2, 4]}
    assert plan.sources == {"f": OTHER}
    assert run(plan)["f"].__code__.co_consts == run(plan_of([OTHER]))["f"].__code__.co_consts


@pytest.mark.parametrize(
    "answer",
    [
        "drill = (1, 2)",
        "drill: tuple = (1, 2)",
        "drill = other = (1, 2)",
        "drill, other = (1, 2), 3",
        "def drill():\n    return 1",
        "class drill:\n    pass",
        "from math import pi as drill",
    ],
)
def test_an_answer_may_be_bound_in_any_way(answer: str) -> None:
    plan = plan_of([answer], ["drill = None"], "drill")
    assert plan.answered == {"drill": [2]}
    assert plan.sources == {"drill": answer}


def test_an_annotation_without_a_value_is_no_answer() -> None:
    assert plan_of(["drill: tuple"], ["drill = None"], "drill").answered == {"drill": []}


# Cells that are not plain Python


@pytest.mark.parametrize(
    "magic",
    [
        "%matplotlib inline",
        "!pip install something",
        "files = !ls",
        "found = %who_ls",
        "f?",
        "%",
        "!",
        "?",
    ],
)
def test_magics_do_nothing_and_the_rest_of_their_cell_is_run(magic: str) -> None:
    plan = plan_of([f"{magic}\n{ANSWER}"])
    assert plan.broken == {}
    assert run(plan)["f"](2) == 4


@pytest.mark.parametrize("magic", ["%%bash\nrm -r *\nif", "%%html\n<b>bold", "%%\nx"])
def test_a_cell_in_another_language_does_nothing(magic: str) -> None:
    plan = plan_of([magic])
    assert plan.broken == {}
    assert set(run(plan)) == {"get_ipython", "__builtins__"}


@pytest.mark.parametrize("magic", ["%%time", "%%capture"])
def test_an_answer_under_a_magic_that_runs_its_cell_counts(magic: str) -> None:
    plan = plan_of([f"{magic}\n{ANSWER}"], [STUB])
    assert plan.answered == {"f": [2]}


BROKEN = {
    "a syntax error": ("def f(:\n    pass", "SyntaxError, line 1: "),
    "an indentation": ("  x = 1\ny = 2", "IndentationError, line 1: "),
    "an open quote": ('"""', "SyntaxError, line 1: unterminated"),
    "top-level await": ("import asyncio\nawait asyncio.sleep(0)", "SyntaxError, line 2: 'await'"),
    "a return": ("x = 1\nreturn x", "SyntaxError, line 2: 'return'"),
    "a null byte": ("x = 1\0", "null bytes"),
    "a control character": ("\x01", "SyntaxError"),
    "a byte order mark": ("\ufeffx = 1", "SyntaxError"),
    "a lone surrogate": ("x = '\ud800'", "UnicodeEncodeError"),
    "brackets": ("(" * 2_000, "SyntaxError, line 1: too many nested"),
    "signs": ("-" * 20_000 + "1", "nested too deeply"),
    "a sum": ("1" + "+1" * 20_000, "nested too deeply"),
    "attributes": ("a" + ".b" * 20_000, "nested too deeply"),
    "branches": ("if a: pass\n" + "elif b: pass\n" * 3_000, "nested too deeply"),
    "blocks": ("\n".join(" " * n + "if 1:" for n in range(150)), "too many levels"),
    "a long open line": ("x = '" + "a" * 500_000, "unterminated"),
}


@pytest.mark.parametrize("cell", BROKEN)
def test_a_broken_cell_is_named_and_the_others_are_planned(cell: str) -> None:
    source, words = BROKEN[cell]
    plan = plan_of(["before = 1", source, ANSWER])
    assert list(plan.broken) == [2]
    assert words in plan.broken[2]
    assert [number for number, _ in planned(plan)] == [1, 3]
    assert plan.answered == {"f": [3]}


def test_a_lone_surrogate_is_not_called_nesting() -> None:
    assert "nested" not in plan_of([BROKEN["a lone surrogate"][0]]).broken[1]


def test_a_long_line_is_run() -> None:
    assert len(run(plan_of([f"x = '{'a' * 2_000_000}'"]))["x"]) == 2_000_000


def test_a_cell_of_very_many_magics_is_no_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputtransformer2, "TRANSFORM_LOOP_LIMIT", 5)  # 500 take seconds
    plan_of(["!ls\n" * 6])


def test_the_source_of_an_answer_is_right_below_an_empty_line_and_a_magic() -> None:
    assert plan_of([f"\n%matplotlib inline\n{ANSWER}\n"]).sources == {"f": ANSWER}


def test_an_answer_with_accents_below_an_empty_line_and_a_magic_counts() -> None:
    plan = plan_of(["\n!ls\ndef f(x):\n    y = 'éééé'\n    return x"])
    assert plan.broken == {}
    assert plan.answered == {"f": [1]}


@pytest.mark.parametrize("separator", ["\f", "\v", "\u2028"])
def test_an_odd_line_break_after_a_magic_is_no_exception(separator: str) -> None:
    plan_of([f"!ls{separator}f = 0"])


FRAGMENTS = st.sampled_from(
    [
        *(
            STUB,
            ANSWER,
            "x.append(1)",
            "x[0] = 1",
            "f?",
            "!ls",
            "%time f(1)",
            "%%bash\n",
            "x = !ls",
        ),
        *(
            "\n",
            "  ",
            "\t",
            "\r",
            "\\",
            "\\\n",
            "(",
            ")",
            "[",
            "{",
            "'",
            '"""',
            "#",
            "?",
            "%",
        ),
        *(
            "await z",
            "return",
            "lambda",
            "def ",
            "class C:\n",
            "if x:\n",
            "global x\n",
            "f'{",
            "=",
            ":",
        ),
        *(
            "\0",
            "\ufeff",
            "\ud800",
            ">>> ",
            "In [1]: ",
            "...: ",
            "# coding: utf-16\n",
            "0777",
            "1_",
        ),
    ]
)
TEXT = st.text(max_size=30)
CELLS = st.lists(TEXT | st.lists(FRAGMENTS, max_size=6).map("".join), max_size=4)


@pytest.mark.filterwarnings("ignore")  # Python and IPython warn of such cells
@settings(max_examples=150, deadline=None)
@given(cells=CELLS, handed_out=CELLS)
def test_a_plan_is_made_of_any_cells(cells: list[str], handed_out: list[str]) -> None:
    plan = make_plan([*cells, *handed_out], handed_out, ["f", "x"])
    numbers = {unit.cell for unit in plan.units} | set(plan.broken)
    changed = [cell.strip() not in {known.strip() for known in handed_out} for cell in cells]
    assert numbers >= {n for n, new in enumerate(changed, start=1) if new}
    assert numbers <= set(range(1, len(cells) + len(handed_out) + 1))


def test_plain_python_is_parsed_as_it_stands() -> None:
    source, body = parse(ANSWER)
    assert source == ANSWER
    assert ast.dump(ast.Module(body, [])) == ast.dump(ast.parse(ANSWER))


# Reading a notebook


def notebook(*cells: Any) -> bytes:
    return json.dumps({"cells": cells, "nbformat": 4}).encode()


def test_the_code_cells_are_read_in_order() -> None:
    cells = [
        {"cell_type": "code", "source": "x = 1"},
        {"cell_type": "markdown", "source": "y = 2"},
        {"cell_type": "code", "source": ["a = 'é'\n", "b = 4"]},
        {"cell_type": "code"},
        {"cell_type": "code", "source": 5},
        {"cell_type": "code", "source": ["c", 6]},
        "d = 7",
    ]
    assert read_cells(notebook(*cells)) == ["x = 1", "a = 'é'\nb = 4", ""]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"x = 1",
        b"[" * 100_000,
        b"9" * 5_000,
        b"null",
        b"[]",
        b'"cells"',
        b"{}",
        b'{"cells": {}}',
        b'{"worksheets": [{"cells": []}]}',
    ],
    ids=lambda content: repr(content[:20]),
)
def test_what_is_no_notebook_is_refused_with_one_sentence(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^it (is not|has no) [^\n.]*\.$"):
        read_cells(content)


@given(content=st.binary() | st.text().map(str.encode))
def test_reading_raises_nothing_else(content: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert all(isinstance(source, str) for source in read_cells(content))
