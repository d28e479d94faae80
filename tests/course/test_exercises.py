"""Every exercise against right answers, plausible wrong ones and the mistakes it names."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from typing import Any

import nbformat
import numpy as np
import pytest
from solvers import SOLVERS
from wrong import WRONG

from ragkit.course import plain
from ragkit.course.judging import Key, credit, explain, find
from ragkit.course.layout import labs
from ragkit.course.staff import editions, registry
from ragkit.course.staff.exercise import Exercise, Mistake, seeded

EXERCISES = list(registry.exercises().values())
NAMED = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
SEEDS = range(200)


def stub(*_: Any) -> None:
    raise NotImplementedError


def functions(notebook: Any) -> Iterator[ast.FunctionDef]:
    """The functions that a notebook's code cells define at their top level."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and re.match(r"def \w+", cell.source):
            yield from (n for n in ast.parse(cell.source).body if isinstance(n, ast.FunctionDef))


@pytest.fixture(scope="module")
def solutions() -> dict[str, Any]:
    """The functions a student would write, taken from the solved edition."""
    namespace: dict[str, Any] = {"np": np}
    for lab in labs():
        code = list(functions(editions.build(lab.source, solved=True)))
        exec(compile(ast.Module(code, type_ignores=[]), lab.source.name, "exec"), namespace)  # noqa: S102  # our own source
    return namespace


def keys_of(exercise: Exercise, rng: np.random.Generator) -> list[Key]:
    """The cases with their right answers alone."""
    return Exercise(exercise.name, exercise.cases, exercise.expected, [], exercise.tolerance).keys(
        rng
    )


def passes(function: Callable[..., Any], key: Key, tolerance: float) -> bool:
    """Whether a function of our own answers a case rightly, as `find` says of its plain form."""
    try:
        answer = function(*map(deepcopy, key.case.arguments))
        if isinstance(answer, np.ndarray | np.number) and answer.shape != key.expected.shape:
            return False
    except Exception:
        return False
    return find(plain.decode(plain.encode(answer)), key, tolerance).kind == "correct"


def forget(functions: Iterable[Any]) -> None:
    """Empty the lists in which functions keep their first answer, as a new process would."""
    for function in functions:
        for kept in getattr(function, "__defaults__", None) or ():
            if isinstance(kept, list):
                kept.clear()


@NAMED
def test_reference_solution_is_correct(exercise: Exercise, solutions: dict[str, Any]) -> None:
    assert exercise.judge(solutions[exercise.name]).status == "correct"


@NAMED
def test_a_case_names_its_arguments_as_the_stub_does(exercise: Exercise) -> None:
    """They are read from the expected answer, which is a function of its own."""
    stubs = {
        function.name: tuple(argument.arg for argument in function.args.args)
        for lab in labs()
        for function in functions(editions.build(lab.source, solved=False))
    }
    assert exercise.check().parameters == stubs[exercise.name]


@NAMED
def test_stub_is_not_attempted(exercise: Exercise) -> None:
    assert exercise.judge(stub).status == "not attempted"


@NAMED
def test_three_other_right_answers_are_correct(exercise: Exercise) -> None:
    for function in SOLVERS[exercise.name]:
        assert exercise.judge(function).status == "correct", function.__name__


@NAMED
def test_right_answers_are_right_on_hidden_cases(
    exercise: Exercise, solutions: dict[str, Any]
) -> None:
    for seed in range(25):
        for key in keys_of(exercise, np.random.default_rng(seed)):
            for function in (solutions[exercise.name], *SOLVERS[exercise.name]):
                assert passes(function, key, exercise.tolerance), (seed, function, key.case.kind)


@NAMED
def test_no_wrong_function_survives(exercise: Exercise) -> None:
    """Neither the cases of the lab nor those of any seed of the grader."""
    assert len(WRONG[exercise.name]) >= 8
    draws = [seeded(), *(np.random.default_rng(seed) for seed in SEEDS)]
    wrong = [*WRONG[exercise.name], *(mistake.wrong for mistake in exercise.mistakes)]
    refuted = [0] * len(wrong)  # the case that each failed in the draw before is tried first
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for draw in draws:
            forget(wrong)
            keys = keys_of(exercise, draw)
            for n, function in enumerate(wrong):
                order = sorted(range(len(keys)), key=lambda case, n=n: case != refuted[n])
                failed = (c for c in order if not passes(function, keys[c], exercise.tolerance))
                refuted[n] = next(failed, -1)
                assert refuted[n] >= 0, function


@NAMED
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_wrong_function_is_refused_in_the_lab_with_numbers_or_its_own_mistake(
    exercise: Exercise,
) -> None:
    forget(WRONG[exercise.name])
    for function in WRONG[exercise.name]:
        verdict = exercise.judge(function)
        assert verdict.status == "incorrect", function.__name__


@pytest.mark.parametrize(
    ("exercise", "mistake"),
    [(exercise, mistake) for exercise in EXERCISES for mistake in exercise.mistakes],
    ids=lambda value: getattr(value, "name", None) or value.message[:40],
)
def test_each_mistake_is_named(exercise: Exercise, mistake: Mistake) -> None:
    verdict = exercise.judge(mistake.wrong)
    assert verdict.status == "incorrect"
    assert mistake.message in verdict.message


@NAMED
def test_each_mistake_is_told_from_the_others_on_hidden_cases(exercise: Exercise) -> None:
    for seed in range(12):
        keys = exercise.keys(np.random.default_rng(seed))
        for place, mistake in enumerate(exercise.mistakes):
            findings = [find(key.mistakes[place].answer, key, exercise.tolerance) for key in keys]
            known = explain(keys, findings)
            assert known is not None, (seed, mistake.message)
            assert known.sentence == mistake.message
            assert credit(keys, findings) < 1
            assert not (mistake.trivial and credit(keys, findings))


@NAMED
@pytest.mark.parametrize(
    "function",
    [
        lambda *_: None,
        lambda *_: "text",
        lambda *_: "0.5",
        lambda *_: ["3", "1"],
        lambda *_: object(),
        lambda *_: np.nan,
        lambda *_: [[1], [2, 3]],
        lambda: 1,
        lambda *_: 1 / 0,
        lambda *_: (_ for _ in ()).throw(SystemExit(1)),
        "not a function",
    ],
)
def test_nothing_a_student_writes_is_raised(exercise: Exercise, function: Any) -> None:
    assert exercise.judge(function).status == "incorrect"


def as_text(value: Any) -> Any:
    return [as_text(entry) for entry in value] if isinstance(value, list) else str(value)


@NAMED
def test_text_in_place_of_numbers_is_refused(exercise: Exercise, solutions: dict[str, Any]) -> None:
    def spelt(*arguments: Any) -> Any:
        return as_text(np.asarray(solutions[exercise.name](*arguments), dtype=float).tolist())

    verdict = exercise.judge(spelt)
    assert verdict.status == "incorrect"
    assert "not numeric" in verdict.message


@NAMED
def test_a_function_that_changes_its_input_is_right_and_told_so(
    exercise: Exercise, solutions: dict[str, Any]
) -> None:
    def destructive(*arguments: Any) -> Any:
        answer = solutions[exercise.name](*arguments)
        for argument in arguments:
            if isinstance(argument, np.ndarray):
                argument[...] = 0
            elif isinstance(argument, dict):
                argument.clear()
        return answer

    verdict = exercise.judge(destructive)
    assert verdict.status == "correct"
    given = [a for key in exercise.check().keys for a in key.case.arguments]
    mutable = [a for a in given if isinstance(a, np.ndarray | dict)]
    assert ("changes its input" in verdict.message) == bool(mutable)


def test_every_exercise_is_in_the_labs_with_its_check() -> None:
    asked = [
        name
        for lab in labs()
        for cell in nbformat.read(lab.student, 4).cells
        for name in re.findall(r"(?m)^check\.(\w+)\(\1\)$", cell.source)
    ]
    assert sorted(asked) == sorted(exercise.name for exercise in EXERCISES)
