"""The one home of every slider: a picture and its words, drawn again where the sliders stand.

Sliders move between given places, by mouse and by arrow keys, and draw when they are let go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from textwrap import fill
from typing import TYPE_CHECKING, Any

from ragkit.course.plots import show
from ragkit.course.plots.showing import Picture
from ragkit.course.seeing.frontend import live, show_widget

if TYPE_CHECKING:
    from ipywidgets import VBox
    from matplotlib.figure import Figure

_WIDTH = 96  # columns of printed words
_PROSE = "line-height: 1.4; margin-top: 0.5em"


@dataclass(frozen=True, slots=True)
class View:
    """What is seen at one place of the sliders: a picture, and in words what it shows.

    `alt` describes the picture to who cannot see it; `words` give the numbers at this place, and
    each of their lines is a paragraph.
    """

    figure: Figure
    alt: str
    words: str

    def text(self) -> str:
        """The words for printing."""
        return "\n".join(fill(line, _WIDTH) for line in self.words.splitlines())

    def html(self) -> str:
        """Picture and words for a page; screen readers read the words when they change."""
        lines = "".join(f"<p>{escape(line)}</p>" for line in self.words.splitlines())
        picture = Picture(self.figure, self.alt).html()
        return f'{picture}<div role="status" style="{_PROSE}">{lines}</div>'


@dataclass(frozen=True, slots=True)
class Control:
    """One slider: the argument of `draw` that it sets, its label, its places, where it begins."""

    name: str
    label: str
    places: Sequence[float]
    start: float

    def labelled(self) -> list[tuple[str, float]]:
        """The places as they are written beside the slider."""
        return [(f"{place:g}", place) for place in self.places]


def slide(draw: Callable[..., View], *controls: Control) -> None:
    """Show `draw(**places)` under sliders, or where nobody could move them, as it begins."""
    view = draw(**{control.name: control.start for control in controls})
    if live():
        show_widget(sliders(draw, controls, view), view.html(), view.text())
    else:
        show(view.figure, alt=view.alt)
        print(view.text())


def sliders(draw: Callable[..., View], controls: Sequence[Control], view: View) -> VBox:
    """The widget: a slider for each control, and below them `view`, until one is moved.

    A place to which the sliders come back is not drawn again.
    """
    import ipywidgets

    moved = {control.name: _slider(control) for control in controls}
    drawn = ipywidgets.HTML(view.html(), layout={"width": "98%"})

    @cache
    def html(*places: float) -> str:
        return draw(**dict(zip(moved, places, strict=True))).html()

    def update(_: Any) -> None:
        drawn.value = html(*(slider.value for slider in moved.values()))

    for slider in moved.values():
        slider.observe(update, "value")
    return ipywidgets.VBox([*moved.values(), drawn])


def _slider(control: Control) -> Any:
    import ipywidgets

    return ipywidgets.SelectionSlider(
        options=control.labelled(),
        value=control.start,
        description=control.label,
        tooltip=f"{control.label}: drag, or use the arrow keys",
        continuous_update=False,
        style={"description_width": "12em"},
        layout={"width": "36em", "max_width": "100%"},
    )
