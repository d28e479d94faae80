"""Export MiniLM to ONNX once, check the export against PyTorch, and find it again in the cache.

The model is the packaged one, or a folder of the same architecture such as a fine-tuned copy of it.
Its export is in the cache folder under the `folder_sha256` of the model: one file per backend, and
`export.json` with each file's sha256 and how near its vectors are to PyTorch's. `find` only reads;
`prepare` needs torch.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ragkit.encoders.minilm_folder import misfits
from ragkit.encoders.minilm_onnx import OnnxModel
from ragkit.errors import ModelError, RagkitWarning
from ragkit.files import report_unwritable, write_atomically
from ragkit.runtime import cache_dir
from ragkit.vectors import Vectors
from ragkit.weights.published import MINILM, Chosen, Weights, folder_sha256, locate, sha256_of

FORMAT = 2  # raise it when minilm_graph changes: every export is then made again
FILES: Mapping[str, str] = {"onnx": "float32.onnx", "onnx-int8": "int8.onnx"}
_MANIFEST = "export.json"
LEAST_COSINE: Mapping[str, float] = {"onnx": 0.9999, "onnx-int8": 0.95}
CHECKED_TEXTS = 300
_PARTS = 44  # of them, parts of the handbook, each eight words longer than the one before
_SAME = 1e-5  # how far a text's numbers may move when it is encoded in a padded batch
_BATCH = 32


class DamagedExportError(ModelError):
    """The export is cut short, altered or unreadable; PyTorch can take its place."""


@dataclass(frozen=True, slots=True)
class Export:
    """One exported graph: its file, or its bytes if no file could be written.

    `lowest_cosine` is the least agreement with PyTorch's vectors over `texts` texts.
    """

    backend: str
    source: Path | bytes
    sha256: str
    lowest_cosine: float
    texts: int

    @property
    def weights(self) -> Weights:
        """The published weights: what it was made from, or what that was fine-tuned from."""
        return MINILM

    @property
    def place(self) -> str:
        """Where it is, for messages: its path, or that it has none."""
        return "in memory only" if isinstance(self.source, bytes) else str(self.source)


_in_memory: dict[Path, dict[str, Export]] = {}  # made here for a cache folder that is read-only


def folder(model: Path | None = None) -> Path:
    """The folder for the exports of a model, by default the packaged one, in the cache folder."""
    return cache_dir() / "models" / folder_sha256(model or locate(MINILM).folder)


def remedy(model: Path | None = None) -> str:
    """How to make the exports of a model, for messages: "Run …"."""
    if model is None:
        return "Run `ragkit models --export`"
    return f"Use MiniLMEncoder({str(model)!r}, backend='onnx')"


def find(backend: str, model: Path | None = None) -> Export | None:
    """The cached export of a backend, verified; None if this release has made none.

    Raises `DamagedExportError` if its files are not as they were written.
    """
    place, again = folder(model), f"{remedy(model)} to make it again."
    manifest = place / _MANIFEST
    try:
        content = json.loads(manifest.read_bytes())
        if content["format"] != FORMAT:
            return None
        entries = content["exports"]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise DamagedExportError(f"{manifest}: cannot be read. {again}") from None
    file = place / FILES[backend]
    try:
        entry = entries[backend]
        export = Export(backend, file, entry["sha256"], entry["lowest_cosine"], entry["texts"])
    except (KeyError, TypeError):
        raise DamagedExportError(f"{manifest}: not as it was written. {again}") from None
    if not file.is_file() or sha256_of(file) != export.sha256:
        raise DamagedExportError(f"{file}: the export is missing, cut short or altered. {again}")
    return export


def find_or_prepare(backend: str, model: Path | None = None) -> Export:
    """The export of a backend, made now if there is none, or with a warning if it is damaged."""
    try:
        export = find(backend, model)
    except DamagedExportError as error:
        warnings.warn(f"{error} It is being made now.", RagkitWarning, stacklevel=4)
        export = None
    return export or _in_memory.get(folder(model), {}).get(backend) or prepare(model)[backend]


def prepare(model: Path | None = None) -> dict[str, Export]:
    """Export MiniLM to ONNX for every backend, check each against PyTorch, and cache them.

    Raises `ModelError` if the model is a folder of another architecture, or if a graph does not
    give PyTorch's vectors. If the cache folder cannot be written, a `RagkitWarning` says so, and
    the graphs stay in memory.
    """
    weights = model or locate(MINILM).folder
    if reasons := misfits(weights):
        raise ModelError(
            f"{weights}: not the architecture of {MINILM.name}, so it cannot be exported to ONNX: "
            f"{'; '.join(reasons)}. Use backend='torch'."
        )
    place = folder(model)
    texts = varied_texts()
    reference = _reference(weights, texts)
    exports = {}
    for backend, content in _graphs(weights / MINILM.file).items():
        exported = OnnxModel(content, weights, alone=backend == "onnx-int8")
        lowest = _compare(f"{backend} export of {weights}", backend, exported, texts, reference)
        digest = hashlib.sha256(content).hexdigest()
        exports[backend] = Export(backend, content, digest, lowest, len(texts))
    return _keep(exports, place)


def link_into(cache: Path) -> None:
    """Let another cache folder use this one's export, which is made now if it is missing."""
    for backend in FILES:
        find_or_prepare(backend)
    cache.mkdir(parents=True, exist_ok=True)
    ours = (cache_dir() / "models").resolve()
    try:
        (cache / "models").symlink_to(ours, target_is_directory=True)
    except OSError:  # Windows lets only some users make links
        shutil.copytree(ours, cache / "models")


def varied_texts() -> list[str]:
    """300 texts to compare two backends on: documents, questions, and parts of the handbook.

    The parts grow from one word to more than the limit of 256 tokens, where both must cut alike.
    """
    from ragkit.documents.handbook import load_handbook
    from ragkit.documents.kb import load_kb

    kb = load_kb()
    texts = [document.full_text for document in kb.documents]
    texts += [query.text for query in kb.queries][: CHECKED_TEXTS - len(texts) - _PARTS]
    words = load_handbook().text.split()
    return texts + [" ".join(words[: 1 + 8 * part]) for part in range(_PARTS)]


def _graphs(weights: Path) -> dict[str, bytes]:
    """The serialised graph of each backend."""
    from safetensors.numpy import load_file

    from ragkit.encoders.minilm_graph import minilm_graph, quantised

    whole = minilm_graph(load_file(weights), sha256_of(weights))
    return {
        "onnx": whole.SerializeToString(deterministic=True),
        "onnx-int8": quantised(whole).SerializeToString(deterministic=True),
    }


def _reference(weights: Path, texts: list[str]) -> Vectors:
    from ragkit.encoders.minilm_torch import TorchModel

    chosen = Chosen(str(weights), MINILM.name, local=True)
    return TorchModel(chosen, "mean").encode(texts, _BATCH)


def _compare(
    what: str, backend: str, model: OnnxModel, texts: list[str], reference: Vectors
) -> float:
    """The lowest cosine between the model's vectors and PyTorch's; too low is a `ModelError`."""
    together = model.encode(texts, _BATCH)
    alone = np.concatenate([model.encode([text], 1) for text in texts])
    moved = float(np.abs(together - alone).max())
    lowest = float((together * reference).sum(axis=1).min())
    least = LEAST_COSINE[backend]
    if not (lowest >= least and moved <= _SAME):  # so that nan is refused too
        raise ModelError(
            f"The {what} is not PyTorch's model: lowest cosine {lowest:.6f} (at least {least} is "
            f"needed), and a text's numbers move by {moved:.1e} in a batch. Use backend='torch', "
            "and report your onnxruntime version."
        )
    return lowest


def _keep(exports: dict[str, Export], place: Path) -> dict[str, Export]:
    """Write the graphs, then the manifest; what cannot be written stays in memory."""
    written = {}
    try:
        for backend, export in exports.items():
            file = place / FILES[backend]
            write_atomically(file, bytes(export.source))
            written[backend] = replace(export, source=file)
        entries = {
            backend: {"sha256": e.sha256, "lowest_cosine": e.lowest_cosine, "texts": e.texts}
            for backend, e in exports.items()
        }
        content = json.dumps({"format": FORMAT, "exports": entries}, indent=1)
        write_atomically(place / _MANIFEST, content.encode())
    except OSError as error:
        _in_memory[place] = exports
        report_unwritable(cache_dir(), error)
        return exports
    return written
