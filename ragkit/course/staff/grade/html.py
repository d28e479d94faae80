"""Write what people read: `class.html` for the instructor, `feedback/<student>.html` for each one.

What a student wrote reaches a page only through the templates' escaping.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import mistune
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ragkit.course.staff.grade import charts
from ragkit.course.staff.grade.catalogue import Item, LabSheet
from ragkit.course.staff.grade.scoring import Mark
from ragkit.course.staff.grade.state import Graded
from ragkit.course.staff.grade.statistics import item_figures, mistakes, needs_help, totals
from ragkit.course.staff.grade.tables import words
from ragkit.files import write_atomically


def write_class(
    graded: Sequence[Graded], sheets: Mapping[str, LabSheet], contained: str, path: Path
) -> None:
    """Write the report on a class, in one file that needs no other."""
    sums, figures = totals(graded), item_figures(graded, sheets)
    content = (
        _templates()
        .get_template("class.html")
        .render(
            students=len({one.student for one in graded}),
            labs=[_title(sheet) for sheet in sheets.values()],
            waiting=sum(total.waiting for total in sums),
            contained=contained,
            distribution=Markup(charts.distribution([total.share for total in sums])),
            item_chart=Markup(charts.items([one for one in figures if not one.unread])),
            help=needs_help(sums),
            items=figures,
            mistakes=mistakes(graded),
            totals=sums,
            link=lambda student: f"feedback/{quote(student, errors='surrogateescape')}.html",
        )
    )
    _write(path, content)


def write_feedback(
    student: str, results: Sequence[Graded], sheets: Mapping[str, LabSheet], path: Path
) -> None:
    """Write the page for one student: each question, the answer, its points, what was wrong."""
    labs = [
        {
            "title": _title(sheets[total.lab]),
            "earned": f"{total.earned:g}",
            "possible": f"{total.possible:g}",
            "waiting": total.waiting,
            "entries": [
                _entry(item, mark)
                for item, mark in zip(sheets[total.lab].items, one.marks, strict=True)
            ],
        }
        for one, total in zip(results, totals(results), strict=True)
    ]
    _write(path, _templates().get_template("feedback.html").render(student=student, labs=labs))


def _entry(item: Item, mark: Mark) -> dict[str, Any]:
    unread = mark.score is None
    return {
        "name": item.name,
        "status": "recorded, waits for a reader" if unread else words(mark),
        "score": f"– of {mark.max_score:g}" if unread else f"{mark.score:g} of {mark.max_score:g}",
        "question": _html(item.question),
        "feedback": mark.feedback,
        "answer": mark.answer,
    }


def _title(sheet: LabSheet) -> str:
    return f"lab {sheet.number}"


@cache
def _html(markdown: str) -> Markup:
    """A question of the course as HTML."""
    render = mistune.create_markdown(plugins=["math", "table"])
    return Markup(str(render(markdown)))  # our own text


@cache
def _templates() -> Environment:
    folder = Path(__file__).parent / "templates"
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (content + "\n").encode("utf-8", "xmlcharrefreplace"))
