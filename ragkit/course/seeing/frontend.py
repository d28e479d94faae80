"""Whether somebody sits at a notebook that can show widgets."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ragkit.runtime import quiet

if TYPE_CHECKING:
    from ipywidgets import DOMWidget


def live() -> bool:
    """True if somebody could move a widget that is shown now.

    False if `RAGKIT_QUIET` is set, outside a notebook, and where a notebook is only executed, as by
    nbclient or nbconvert: those tell the kernel that nobody can be asked for input.
    """
    if quiet() or "IPython" not in sys.modules or find_spec("ipywidgets") is None:
        return False
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    return bool(getattr(kernel, "_allow_stdin", False))


def show_widget(widget: DOMWidget, html: str, text: str) -> None:
    """Display a widget, with HTML and text for readers of the saved notebook that know none."""
    from IPython.display import display

    data = {**widget._repr_mimebundle_(), "text/html": html, "text/plain": text}
    display(data, raw=True)  # type: ignore[no-untyped-call]
