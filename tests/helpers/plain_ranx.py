"""ranx as plain Python: the same arithmetic, and compiling it would take half a minute.

Calls belong inside `with AS_PLAIN_PYTHON`; whoever imports ranx first decides for the process.
"""

from __future__ import annotations

from unittest import mock

import numba

AS_PLAIN_PYTHON = mock.patch.object(numba.config, "DISABLE_JIT", True)
with AS_PLAIN_PYTHON:
    import ranx

__all__ = ["AS_PLAIN_PYTHON", "ranx"]
