"""Trained weights on disk, kept under the hash of all that made them: nothing is trained twice."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.cache.folder import CacheFolder
from ragkit.errors import DataError, RagkitWarning
from ragkit.files import read_checked, report_unwritable, write_checked

if TYPE_CHECKING:
    from torch import Tensor

Weights = dict[str, "Tensor"]


class WeightCache(CacheFolder):
    """A folder of trained weights; `recipe` says, as JSON, everything that they depend on.

    Two processes that want the same weights at once train them once: the second waits. A damaged
    file is trained again with a `RagkitWarning`; a folder that cannot be written is reported once.
    `hits` and `misses` count the weights read and trained.
    """

    def fetch(
        self, recipe: Mapping[str, Any], train: Callable[[], Mapping[str, Tensor]]
    ) -> Weights:
        """The weights of a recipe, read from the folder or, if they are not there, trained now."""
        path = self.path_of(recipe)
        with self._alone_with(path):
            return self._read_or_train(path, train)

    def path_of(self, recipe: Mapping[str, Any]) -> Path:
        """The file of a recipe's weights."""
        digest = hashlib.sha256(json.dumps(dict(recipe), sort_keys=True).encode()).hexdigest()
        return self.root / "trained" / f"{digest}.weights"

    def _alone_with(self, path: Path) -> AbstractContextManager[object]:
        """A lock on what is trained; where none can be made, each trains for itself."""
        from filelock import FileLock

        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return FileLock(path.with_suffix(".lock")).acquire()
        except OSError as error:
            report_unwritable(self.root, error)
            return nullcontext()

    def _read_or_train(self, path: Path, train: Callable[[], Mapping[str, Tensor]]) -> Weights:
        from safetensors.torch import save

        kept = _read(path)
        if kept is not None:
            self.hits += 1
            return kept
        self.misses += 1
        weights = dict(train())
        try:
            write_checked(
                path, {}, save({name: t.contiguous().clone() for name, t in weights.items()})
            )
        except OSError as error:
            report_unwritable(self.root, error)
        return weights


def _read(path: Path) -> Weights | None:
    """The stored weights, or None if there are none or the file is damaged (with a warning)."""
    from safetensors.torch import load

    try:
        return load(bytes(read_checked(path)[1]))
    except OSError:
        return None
    except DataError as error:
        warnings.warn(f"{error} The weights are trained again.", RagkitWarning, stacklevel=5)
        return None
