"""How a function is called, compared and talked about, on an exercise made for the purpose."""

from __future__ import annotations

import threading
from array import array
from collections import deque
from decimal import Decimal
from itertools import islice
from typing import Any

import numpy as np
import pytest

import ragkit
from ragkit.course import calling, check
from ragkit.course.calling import call, is_stub
from ragkit.course.judging import Case, credit, explain, find
from ragkit.course.staff.exercise import Exercise, Mistake
from ragkit.course.verdict import WIDTH, Verdict


def cases(_: np.random.Generator) -> list[Case]:
    return [
        Case((np.array([1.0, 2.0]),), "two numbers", "1 and 2"),
        Case((np.array([3.0, -4.0]),), "a negative number", weight=2),
        Case((np.array([0.0, 0.0]),), "zeros"),
    ]


doubled = Exercise(
    name="doubled",
    cases=cases,
    expected=lambda x: 2 * x,
    mistakes=[
        Mistake("these are squares.", lambda x: x**2),
        Mistake("the sign is lost.", lambda x: 2 * abs(x)),
        Mistake("nothing was done.", lambda x: x, trivial=True),
    ],
)


def told(function: Any) -> str:
    verdict = doubled.judge(function)
    assert verdict.status == "incorrect"
    return verdict.message


def earned(function: Any) -> float:
    keys = doubled.check().keys
    return credit(keys, [find(call(function, k.case.arguments).value, k, 1e-5) for k in keys])


def test_a_mistake_is_named_if_it_explains_every_case() -> None:
    assert "the sign is lost." in told(lambda x: 2 * abs(x))
    assert "1 of 3 cases right" in told(lambda x: x**2)
    assert "these are squares." in told(lambda x: x**2)


def test_a_mistake_that_fits_one_failing_case_by_chance_is_not_named() -> None:
    message = told(lambda x: x**2 if x[0] == 1 else x - 1)
    assert "squares" not in message
    assert "It is [1, 4]; expected [2, 4]" in message


def test_a_mistake_that_would_fail_a_case_that_passes_is_not_named() -> None:
    """Doubling 2 is squaring it, so only the second case is wrong, and as the squares would be."""
    message = told(lambda x: x**2 if x[1] < 0 else 2 * x)
    assert "squares" not in message


def test_two_mistakes_that_fit_alike_are_not_certain() -> None:
    keys = [k for k in doubled.check().keys if k.case.kind == "zeros"]
    findings = [find(np.array([1.0, 1.0]), keys[0], 1e-5)]
    assert explain(keys, findings) is None
    same = Exercise("same", cases, lambda x: 2 * x, [*doubled.mistakes, *doubled.mistakes[:1]])
    twin = Mistake("these are powers.", lambda x: x * x)
    twins = Exercise("twins", cases, lambda x: 2 * x, [same.mistakes[0], twin])
    assert "squares" not in twins.judge(lambda x: x**2).message


def test_half_the_credit_of_what_a_mistake_explains_and_none_for_doing_nothing() -> None:
    assert earned(lambda x: 2 * x) == 1
    assert earned(lambda x: 2 * abs(x)) == pytest.approx((2 + 0.5 * 2) / 4)
    assert earned(lambda x: x) == 0
    assert earned(lambda x: x + 1) == 0
    assert earned(lambda x: 0 * x) == pytest.approx(1 / 4)


def test_a_case_is_handed_out_with_what_is_expected() -> None:
    view = doubled.check().case(2)
    np.testing.assert_array_equal(view.arguments[0], [3, -4])
    np.testing.assert_array_equal(view.expected, [6, -8])
    view.arguments[0][:] = 7  # a copy: the check does not notice
    assert doubled.check().judge(lambda x: 2 * x).status == "correct"
    assert "doubled(*check.doubled.case(2).arguments)" in repr(view)
    assert "check.doubled.case(2)" in told(lambda x: 2 * abs(x))


@pytest.mark.parametrize("number", [0, 4, -1, "2", None])
def test_a_case_that_there_is_not(number: Any) -> None:
    with pytest.raises(ragkit.DataError, match="cases 1 to 3"):
        doubled.check().case(number)


def test_an_error_shows_the_line_of_the_students_function() -> None:
    def divided(x: Any) -> Any:
        half = x / 2
        return half.reshape(3, 3)

    message = told(divided)
    assert "`return half.reshape(3, 3)`" in message
    assert "ValueError" in message


def test_an_error_without_words_is_said_without_a_colon() -> None:
    def refused(x: Any) -> Any:
        if x.sum() < 100:
            raise AssertionError
        return x

    assert "it raised AssertionError, in line" in told(refused)


def test_an_error_inside_a_library_shows_the_line_that_called_it() -> None:
    def stacked(x: Any) -> Any:
        return np.concatenate([x, x[None]])

    assert "`return np.concatenate([x, x[None]])`" in told(stacked)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: [2 * x], "an array of 1 axis"),
        (lambda x: np.append(2 * x, 0), "axis 0 has the wrong length"),
        (lambda x: 3.0, "an array of 1 axis"),
    ],
)
def test_a_wrong_shape_says_which_axis(function: Any, words: str) -> None:
    assert words in told(function)


def test_a_transposed_matrix_and_a_number_too_many_are_said() -> None:
    matrix = Exercise("matrix", lambda _: [Case((np.ones((2, 3)),), "ones")], lambda x: 2 * x, [])
    assert "transpose" in matrix.judge(lambda x: 2 * x.T).message
    assert "axes 0 and 1 have the wrong lengths" in matrix.judge(lambda x: np.ones((4, 4))).message
    number = Exercise("number", lambda _: [Case((np.ones(3),), "ones")], lambda x: x.sum(), [])
    assert "a single number" in number.judge(lambda x: [3.0, 0.1]).message


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "LIMIT", 0.3)


@pytest.mark.usefixtures("impatient")
def test_an_endless_loop_is_stopped_and_its_line_said() -> None:
    before = threading.active_count()

    def endless(x: Any) -> Any:
        while True:
            x = x + 1

    message = told(endless)
    assert "did not return" in message
    assert "line" in message
    assert "restart" not in message
    assert threading.active_count() == before


@pytest.mark.usefixtures("impatient")
def test_a_loop_that_catches_everything_does_not_hang_the_notebook(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calling, "_GRACE", 0.2)
    free = threading.Event()

    def stubborn(x: Any) -> Any:
        while not free.is_set():
            try:
                while not free.is_set():
                    pass
            except BaseException:
                continue

    try:
        assert "restart the kernel" in told(stubborn)
    finally:
        free.set()


@pytest.mark.usefixtures("impatient")
def test_a_loop_is_stopped_in_a_thread_that_gets_no_signals() -> None:
    found = []

    def endless(x: Any) -> Any:
        while True:
            pass

    thread = threading.Thread(target=lambda: found.append(told(endless)))
    thread.start()
    thread.join(60)
    assert "did not return" in found[0]


def test_work_above_a_forgotten_raise_is_not_called_unattempted() -> None:
    def forgotten(x: Any) -> Any:
        """Twice x."""
        y = 2 * x
        print(y)
        raise NotImplementedError("your turn")

    def below(x: Any) -> Any:
        raise NotImplementedError("your turn")
        return 2 * x

    for function in (forgotten, below):
        assert "`raise NotImplementedError` is still there" in told(function)
        assert not is_stub(function)


def test_a_stub_is_told_from_work_even_without_a_source() -> None:
    space: dict[str, Any] = {}
    exec("def bare(x):\n    raise NotImplementedError('your turn')", space)  # noqa: S102
    exec("def worked(x):\n    print(x)\n    raise NotImplementedError", space)  # noqa: S102
    assert is_stub(space["bare"])
    assert not is_stub(space["worked"])


def test_a_changed_input_is_named_whether_the_answer_is_right_or_wrong() -> None:
    def in_place(x: Any) -> Any:
        x *= 2
        return x

    def wrong(x: Any) -> Any:
        x *= 3
        return x

    verdict = doubled.judge(in_place)
    assert (verdict.status, "`x`" in verdict.message) == ("correct", True)
    assert "changes its input `x`" in told(wrong)


def test_two_arguments_that_are_one_array_are_handed_over_as_two() -> None:
    rows = np.ones(2)

    def first_changed(a: Any, b: Any) -> Any:
        a += 1
        return b

    np.testing.assert_array_equal(call(first_changed, (rows, rows)).value, [1, 1])


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda x: [Decimal(float(n)) for n in x],
        lambda x: array("d", x),
        lambda x: deque(x.tolist()),
        lambda x: dict.fromkeys((2 * x / 2).tolist()).keys() if len(set(x)) == 2 else x,
        lambda x: tuple(np.float32(n) for n in x),
    ],
)
def test_numbers_in_ordinary_wrappings_are_numbers(wrapped: Any) -> None:
    assert doubled.judge(lambda x: wrapped(2 * x)).status == "correct"


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class Hostile:
    """Right as a function, and raises whatever else is asked of it."""

    def __call__(self, rows: Any) -> Any:
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError


class HostileSignature(Hostile):
    @property
    def __signature__(self) -> Any:
        raise RuntimeError


@pytest.mark.parametrize("kind", [Hostile, HostileSignature])
def test_a_right_callable_that_cannot_be_looked_at_is_right(kind: Any) -> None:
    assert check.normalise.judge(kind()).status == "correct"


def test_what_cannot_be_shown_and_is_no_function_is_refused() -> None:
    class Silent:
        def __repr__(self) -> str:
            raise RuntimeError

    assert "must be a function" in check.normalise.judge(Silent()).message  # type: ignore[arg-type]


def test_an_error_that_cannot_be_said_is_named_and_a_long_one_is_cut() -> None:
    def unspeakable(rows: Any) -> Any:
        raise UnspeakableError

    def long(rows: Any) -> Any:
        raise ValueError("x" * 100_000)

    assert "it raised UnspeakableError, in line" in check.normalise.judge(unspeakable).message
    assert len(check.normalise.judge(long).message) < 1000


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.zeros((1000, 1000)), "is too large"),
        (10**400, "is too large"),
        (np.zeros((2, 2), dtype=complex), "is complex; take the real part"),
        (1j, "is complex; take the real part"),
        (np.array(["2026-01-01"], dtype="M8[D]"), "is not numeric"),
    ],
)
def test_numbers_that_cannot_be_taken_are_not_called_something_else(value: Any, words: str) -> None:
    assert words in check.normalise.judge(lambda rows: value).message


def test_what_is_lazy_is_to_be_wrapped_in_a_list() -> None:
    for lazy in (lambda x: (2 * n for n in x), lambda x: islice(2 * x, 2), lambda x: map(abs, x)):
        assert "list(...)" in told(lazy)


def test_choose_returns_what_is_right_and_says_whose(capsys: pytest.CaptureFixture[str]) -> None:
    def mine(x: Any) -> Any:
        return x + x

    def library(x: Any) -> Any:
        return 2 * x

    assert doubled.check().choose(mine, library) is mine
    assert "yours" in capsys.readouterr().out
    assert doubled.check().choose(abs, library) is library
    assert "library's" in capsys.readouterr().out


def overflowing_info_nce(queries: Any, documents: Any, temperature: float) -> Any:
    shares = np.exp(queries @ documents.T / np.float32(temperature))
    return -np.log(np.diag(shares) / shares.sum(axis=1)).mean()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_overflow_is_named() -> None:
    verdict = check.info_nce.judge(overflowing_info_nce)
    assert verdict.status == "incorrect"
    assert "float32" in verdict.message
    assert "overflow" in verdict.message


@pytest.mark.usefixtures("impatient")
def test_a_loop_that_prints_does_not_flood_the_cell(capsys: pytest.CaptureFixture[str]) -> None:
    def chatty(x: Any) -> Any:
        while True:
            print("round", end=" ")

    message = told(chatty)
    printed = capsys.readouterr().out
    assert "did not return" in message
    assert 1000 < len(printed) < 10_000
    assert printed.startswith("round round ")
    assert printed.endswith("left out)\n")


def test_what_a_function_prints_is_shown_and_its_last_line_ended(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def chatty(x: Any) -> Any:
        print(len(x), end="")
        return 2 * x

    assert doubled.judge(chatty).status == "correct"
    assert capsys.readouterr().out == "2\n2\n2\n"
    print("as before")
    assert capsys.readouterr().out == "as before\n"


def test_an_interrupt_stops_the_function_too(monkeypatch: pytest.MonkeyPatch) -> None:
    started = threading.Event()
    before = threading.active_count()

    def endless(x: Any) -> Any:
        started.set()
        while True:
            x = x + 1

    def interrupted(task: Any, seconds: float) -> bool:
        task._thread.start()
        started.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr(calling._Task, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        call(endless, (np.zeros(2),))
    assert threading.active_count() == before


def test_a_long_verdict_breaks_between_words(capsys: pytest.CaptureFixture[str]) -> None:
    verdict = Verdict("incorrect", "so many words " * 20 + "\n  Look at it: here")
    verdict.say()
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= WIDTH < 100  # JupyterLab beside its file browser has 107
    assert lines[-1] == "  Look at it: here"
    assert " ".join(line.strip() for line in lines) == " ".join(str(verdict).split())


def test_a_case_is_laid_out_in_lines_that_fit() -> None:
    for case in (check.mean_pool.case(1), check.hit_rate.case(1), check.top_k.case(2)):
        lines = repr(case).splitlines()
        assert max(map(len, lines)) <= WIDTH
        named = [line for line in lines if line.strip().startswith(case.parameters)]
        assert len(named) >= len(case.arguments)
    assert "states, [5, 7, 2]:" in repr(check.mean_pool.case(1))
    ids = check.hit_rate.case(1).arguments[0]
    assert all(f"'{query_id}': [" in repr(check.hit_rate.case(1)) for query_id in ids)


def test_a_check_prints_its_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    def stub(rows: Any) -> Any:
        raise NotImplementedError

    verdict = check.normalise(stub)
    assert capsys.readouterr().out.strip() == str(verdict)
    assert "not attempted" in str(verdict)


def test_a_check_that_there_is_not() -> None:
    with pytest.raises(AttributeError, match="the checks are mean_pool"):
        check.mean_pol  # noqa: B018
