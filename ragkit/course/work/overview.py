"""Show progress: every item with its verdict, or one line for each lab."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ragkit.course.verdict import Status, Verdict
from ragkit.course.work import items, progress
from ragkit.course.work.items import Item, LabItems
from ragkit.course.work.progress import Seen
from ragkit.errors import RagkitError

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

Seens = Mapping[str, Seen]
_STYLES: dict[Status, str] = {
    "correct": "green",
    "recorded": "cyan",
    "incorrect": "red",
    "not attempted": "dim",
}
_LEGEND = "✓ correct  ✎ recorded, a person reads it  ✗ incorrect  ○ not attempted"


def show() -> None:
    """Print how far you are in all labs; a lab's last cell calls it."""
    folder = progress.folder_of_this_notebook()
    if folder is None:
        print("In your own copy of this lab, in work/, a table here shows how far you are.")
        return
    try:
        show_overview(items.all_labs(), progress.load(folder))
    except (RagkitError, OSError) as error:
        print(f"Your progress cannot be shown: {error}")


def status_of(item: Item, seen: Seens) -> Status:
    """The latest verdict on an item; `not attempted` if its check never ran."""
    return seen[item.name].status if item.name in seen else "not attempted"


def done(chosen: Iterable[Item], seen: Seens) -> int:
    """How many are correct or wait for a person."""
    return sum(status_of(item, seen) in ("correct", "recorded") for item in chosen)


def show_overview(labs: Sequence[LabItems], seen: Seens) -> None:
    """Print one line for each lab, narrow enough for a notebook."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("lab", "exercises", "drills", "done", box=box.SIMPLE_HEAD, pad_edge=False)
    for lab in labs:
        exercises, drills = (
            _signs([item for item in lab.items if item.kind == kind], seen)
            for kind in ("exercise", "drill")
        )
        table.add_row(lab.number, exercises, drills, f"{done(lab.items, seen)} of {len(lab.items)}")
    Console(highlight=False).print(table, _LEGEND)


def full_table(labs: Sequence[LabItems], seen: Seens) -> Table:
    """Every item with its verdict and date, lab by lab."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption=_LEGEND, caption_justify="left")
    for column in ("", "", "exercise or drill", "verdict", "on"):
        table.add_column(column)
    for lab in labs:
        heading = f"{lab.title}: {done(lab.items, seen)} of {len(lab.items)}"
        table.add_row("", Text(lab.number, "bold"), Text(heading, "bold"))
        for item in lab.items:
            status = status_of(item, seen)
            table.add_row(_sign(status), item.label, Text(item.title), status, _date(item, seen))
        table.add_section()
    return table


def as_data(labs: Sequence[LabItems], seen: Seens) -> list[dict[str, Any]]:
    """Every item with its verdict, as plain data; the date is None where no check ran."""
    return [
        {
            "lab": lab.number,
            "kind": item.kind,
            "name": item.name,
            "number": item.number,
            "title": item.title,
            "status": status_of(item, seen),
            "date": seen[item.name].date if item.name in seen else None,
        }
        for lab in labs
        for item in lab.items
    ]


def _signs(chosen: Iterable[Item], seen: Seens) -> Text:
    from rich.text import Text

    text = Text()
    for item in chosen:
        number = item.number.rpartition("_")[2]
        text.append(f"{number} ").append(_sign(status_of(item, seen))).append("  ")
    text.rstrip()
    return text


def _sign(status: Status) -> Text:
    from rich.text import Text

    return Text(str(Verdict(status))[0], _STYLES[status])


def _date(item: Item, seen: Seens) -> str:
    if item.name not in seen:
        return ""
    return datetime.fromisoformat(seen[item.name].date).strftime("%Y-%m-%d %H:%M")
