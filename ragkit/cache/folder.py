"""The folder of a cache, and its counts."""

from __future__ import annotations

from pathlib import Path

from ragkit.runtime import cache_dir


class CacheFolder:
    """What every cache has: a folder, and counts of what it had (`hits`) and lacked (`misses`)."""

    def __init__(self, root: str | Path | None = None) -> None:
        self.root = cache_dir() if root is None else Path(root)
        self.hits = 0
        self.misses = 0
