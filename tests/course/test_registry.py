"""Every lab's folder is found by one loop, and no lab takes a name from another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from ragkit.course import check, drills
from ragkit.course.staff import registry
from ragkit.course.staff.exercise import Exercise

STAFF = Path(registry.__file__).parent
LABS = sorted(path.name for path in STAFF.glob("lab[0-9][0-9]"))


def modules(pattern: str) -> list[str]:
    """The names below `staff` of the labs' files, looked up without the registry."""
    return [f"{p.parent.name}.{p.stem}" for lab in LABS for p in (STAFF / lab).glob(pattern)]


def load(name: str) -> dict[str, Any]:
    return vars(import_module(f"ragkit.course.staff.{name}"))


def twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def test_each_lab_has_exercises_drills_experiments_and_figures() -> None:
    for part in ("exercises", "drills", "experiments", "figures"):
        assert set(modules(f"{part}.py")) == {f"{lab}.{part}" for lab in LABS}


def test_every_exercise_is_found_under_the_name_that_students_write() -> None:
    made = [
        (name, entry)
        for module in modules("exercises*.py")
        for name, entry in load(module).items()
        if isinstance(entry, Exercise)
    ]
    assert twice(name for name, _ in made) == []
    assert dict(made) == registry.exercises()
    assert all(entry.name == name for name, entry in made)


@pytest.mark.parametrize(
    ("part", "table", "found"),
    [("drills", "DRILLS", registry.drills), ("figures", "FIGURES", registry.figures)],
)
def test_no_drill_or_figure_of_one_lab_hides_that_of_another(
    part: str, table: str, found: Callable[[], Mapping[str, object]]
) -> None:
    names = [name for module in modules(f"{part}.py") for name in load(module)[table]]
    assert twice(names) == []
    assert set(names) <= set(found())


def test_drills_are_numbered_by_their_lab() -> None:
    for lab in LABS:
        assert {name[:2] for name in load(f"{lab}.drills")["DRILLS"]} == {lab[3:]}


def test_checks_and_drills_of_a_checkout_are_those_of_the_registry() -> None:
    assert sorted(dir(check)) == sorted(registry.exercises())
    assert all(getattr(check, name).name == name for name in dir(check))
    assert drills._drills() == registry.drills()


def test_an_unknown_check_names_those_there_are() -> None:
    with pytest.raises(AttributeError, match=r"no check 'mean_pol'; the checks are .*mean_pool"):
        _ = check.mean_pol


def test_python_may_ask_a_check_for_what_modules_have(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("__path__", "__wrapped__", "_ipython_display_", "_repr_html_"):
        assert not hasattr(check, name)
    assert capsys.readouterr().out == ""
