"""A figure with its alternative text, in the forms that notebook readers take it from.

JupyterLab and nbconvert's page give an image output no `alt`, whatever its metadata says. So the
image goes out as HTML too, which both of them prefer.
"""

from __future__ import annotations

from base64 import b64encode
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Bundle = tuple[dict[str, str], dict[str, Any]]


def show(figure: Figure, alt: str) -> None:
    """Display a figure in a notebook; `alt` says in words what it shows, for who cannot see it."""
    from IPython.display import display

    display(Picture(figure, alt))  # type: ignore[no-untyped-call]


class Picture:
    """What `show` displays: in a notebook the image, in a terminal its alternative text."""

    def __init__(self, figure: Figure, alt: str) -> None:
        self.figure, self.alt = figure, alt

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(self, **_: Any) -> Bundle:
        """PNG with the text in its metadata, HTML with it in the tag, and the text alone."""
        png = _encoded(self.figure, "png")
        data = {"image/png": png, "text/html": self.html(), "text/plain": self.alt}
        return data, {"image/png": {"alt": self.alt}}

    def html(self) -> str:
        """The image as a tag that contains it, with its alternative text."""
        webp = _encoded(self.figure, "webp", lossless=True)  # a third of the bytes of PNG
        source, alt = f"data:image/webp;base64,{webp}", escape(self.alt)
        return f'<img src="{source}" alt="{alt}" style="max-width: 100%; height: auto">'


def _encoded(figure: Figure, kind: str, **options: Any) -> str:
    """The figure as an image file in base64."""
    stream = BytesIO()
    figure.savefig(stream, format=kind, bbox_inches="tight", pil_kwargs=options)
    return b64encode(stream.getvalue()).decode("ascii")
