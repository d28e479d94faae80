"""Show the key points of a text to the student who has written it: to unfold and to tick.

They are the rubric that a person reads with, so they are there in a clone and not in the students'
bundle.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ragkit.course.drills.base import Drill, Text

_written: set[str] = set()  # the drills whose text was long enough in this session


def offer(name: str, drill: Drill) -> None:
    """Note that the text of a drill was written, and display its key points in a notebook."""
    _written.add(name)
    if not (points := _rubric(drill)):
        return
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        return
    if get_ipython() is not None:
        shown = {"text/html": _as_html(points), "text/plain": _as_text(points)}
        display(shown, raw=True)  # type: ignore[no-untyped-call]


def told(name: str, drill: Drill) -> str:
    """The key points as text, or the sentence that says why not."""
    if not any(isinstance(part, Text) for part in drill.parts):
        return f"Drill {name} has no text to write."
    if not (points := _rubric(drill)):
        return "The key points are with your instructor."
    if name not in _written:
        return f"Write the text of drill_{name} first and check it; then compare."
    return _as_text(points)


def _rubric(drill: Drill) -> Sequence[str]:
    return next((part.rubric for part in drill.parts if isinstance(part, Text)), ())


def _as_text(points: Sequence[str]) -> str:
    return "Key points, to compare with your text:\n" + "\n".join(f"[ ] {one}" for one in points)


def _as_html(points: Sequence[str]) -> str:
    ticks = "".join(
        f'<li><label><input type="checkbox"> {escape(point)}</label></li>' for point in points
    )
    return (
        "<details><summary>Key points, to compare with your text</summary>"
        f'<ul style="list-style: none">{ticks}</ul></details>'
    )
