"""Whether somebody sits at a notebook that can show widgets."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from ragkit.runtime import quiet


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
