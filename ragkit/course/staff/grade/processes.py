"""Measure what a submission's processes use, and end all of them."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence

import psutil


def family(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it; nothing if it has ended."""
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.Error:
        return []


def memory_of(members: Sequence[psutil.Process], most: int) -> int:
    """Bytes that processes hold; beyond `most`, pages shared after a fork count once (Linux)."""
    used = {}
    for member in members:
        with contextlib.suppress(psutil.Error):
            used[member] = member.memory_info().rss
    if sum(used.values()) > most:
        for member in used:
            with contextlib.suppress(psutil.Error):
                found = member.memory_full_info()
                used[member] = getattr(found, "pss", found.rss)
    return sum(used.values())


def bytes_in(folder: str) -> int:
    """Bytes of all files below a folder that may change meanwhile."""
    with contextlib.suppress(OSError):
        return sum(
            os.lstat(os.path.join(place, name)).st_size
            for place, _, names in os.walk(folder)
            for name in names
        )
    return 0


def kill_all_with(variable: str, value: str) -> None:
    """Kill every process in whose environment `variable` has this value, until there is none."""
    for _ in range(50):
        if not _kill_once(variable, value):
            return
        time.sleep(0.02)


def _kill_once(variable: str, value: str) -> bool:
    found = False
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(variable) == value:
                process.kill()
                found = True
    return found
