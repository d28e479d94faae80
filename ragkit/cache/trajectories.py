"""Cache training runs of MiniGPT on disk; a run with the same ingredients is read, not repeated."""

from __future__ import annotations

import hashlib
import inspect
import json
import warnings
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from ragkit.cache.folder import CacheFolder
from ragkit.errors import DataError, RagkitWarning
from ragkit.files import read_checked, report_unwritable, write_checked
from ragkit.minigpt import model, tokenizer, train
from ragkit.minigpt.model import MiniGPTConfig
from ragkit.minigpt.train import LossPoint, TrainingPlan
from ragkit.minigpt.trajectory import STEPS, Trajectory, follow
from ragkit.vectors import Vectors

_CODE = "".join(inspect.getsource(module) for module in (model, tokenizer, train))


class TrajectoryCache(CacheFolder):
    """A folder of trajectories, keyed on all that makes one: text, plan, config, code and torch.

    `hits` and `misses` count the runs read and trained. A run whose file is damaged is trained
    again with a `RagkitWarning`; a folder that cannot be written is reported once. `root` defaults
    to `RAGKIT_CACHE` or the user's cache folder.
    """

    def follow(
        self,
        corpus: Path,
        plan: TrainingPlan | None = None,
        config: MiniGPTConfig | None = None,
        steps: Iterable[int] = STEPS,
        on_step: Callable[[int, float], None] | None = None,
    ) -> Trajectory:
        """What `minigpt.trajectory.follow` returns, training only if no such run is stored.

        Raises what `train` raises; `on_step` is called by a run that is trained alone.
        """
        plan, config, steps = plan or TrainingPlan(), config or MiniGPTConfig(), sorted(set(steps))
        path = self.path_of(corpus, plan, config, steps)
        stored = _read(path) if path.is_file() else None
        if stored is not None:
            self.hits += 1
            return stored
        trajectory = follow(corpus, plan, config, steps, on_step)
        self.misses += 1
        try:
            _write(path, trajectory)
        except OSError as error:
            report_unwritable(self.root, error)
        return trajectory

    def path_of(
        self, corpus: Path, plan: TrainingPlan, config: MiniGPTConfig, steps: Iterable[int]
    ) -> Path:
        """The file of one run."""
        parts = {
            "plan": asdict(plan),
            "config": asdict(config),
            "steps": list(steps),
            "torch": torch.__version__,
            "code": _CODE,
        }
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
        if corpus.is_file():  # if not, training says so
            digest.update(corpus.read_bytes())
        return self.root / "trajectories" / f"{digest.hexdigest()}.float32"


def _write(path: Path, run: Trajectory) -> None:
    steps = list(run.tables)
    arrays = [run.tables[step] for step in steps]
    tied = all(run.tables[step] is run.outputs[step] for step in steps)
    if not tied:
        arrays += [run.outputs[step] for step in steps]
    header = {
        "steps": steps,
        "tied": tied,
        "shape": arrays[0].shape,
        "curve": [asdict(point) for point in run.curve],
        "best": asdict(run.best),
        "tokenizer": run.tokenizer.to_str(),
    }
    write_checked(path, header, np.stack(arrays).astype("<f4").tobytes())


def _read(path: Path) -> Trajectory | None:
    """The stored run, or None if its file is damaged (with a warning)."""
    try:
        header, payload = read_checked(path)
    except (DataError, OSError) as error:
        warnings.warn(f"{error} The run is trained again.", RagkitWarning, stacklevel=3)
        return None
    flat = np.frombuffer(payload, dtype="<f4").astype(np.float32)
    arrays: list[Vectors] = list(flat.reshape(-1, *header["shape"]))
    steps = header["steps"]
    tables = dict(zip(steps, arrays[: len(steps)], strict=True))
    return Trajectory(
        tables,
        tables if header["tied"] else dict(zip(steps, arrays[len(steps) :], strict=True)),
        [LossPoint(**point) for point in header["curve"]],
        LossPoint(**header["best"]),
        Tokenizer.from_str(header["tokenizer"]),
    )
