"""Progress bars, threads and folders, as set by environment variables, which nothing else reads.

- `RAGKIT_QUIET=1` turns off progress bars.
- `RAGKIT_THREADS=n` sets the threads of torch, FAISS and onnxruntime; default: the cores that the
  process may use.
- `RAGKIT_CACHE=dir` moves the cache of embeddings, scores, indexes and exports.
- `RAGKIT_MODELS=dir` is where published weights are looked for first, in `dir/<name>/`.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from pathlib import Path
from types import ModuleType

from ragkit.errors import DataError

DISTRIBUTION = "ragkit-labs"  # what pip calls it
LARGEST_SEED = 2**64 - 1  # that torch's generators accept


def quiet() -> bool:
    """True if progress bars are off: `RAGKIT_QUIET` is set to anything but 0."""
    return os.environ.get("RAGKIT_QUIET", "") not in ("", "0")


def threads() -> int:
    """Number of threads for numeric work: `RAGKIT_THREADS`, or the cores this process may use.

    Raises `DataError` if the variable is not a whole number from 1 up.
    """
    wanted = os.environ.get("RAGKIT_THREADS", "")
    if wanted:
        if not wanted.isdecimal() or int(wanted) == 0:  # isdigit() would accept "²"
            raise DataError(f"RAGKIT_THREADS is {wanted!r}; set it to a whole number from 1 up.")
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cache_dir() -> Path:
    """Folder of everything that is cached: `RAGKIT_CACHE`, or the user's cache folder."""
    if folder := os.environ.get("RAGKIT_CACHE"):
        return Path(folder)
    from platformdirs import user_cache_path

    return user_cache_path("ragkit")


def models_dir() -> Path | None:
    """Folder to look for published weights in first: `RAGKIT_MODELS`, or None if it is not set."""
    folder = os.environ.get("RAGKIT_MODELS")
    return Path(folder) if folder else None


def data_dir() -> Path:
    """Folder of the course's data: beside the package in a checkout, inside it in a wheel.

    Raises `DataError` if it is in neither place.
    """
    package = Path(__file__).resolve().parent
    for candidate in (package.parent / "data", package / "_data"):
        if (candidate / "verb_grammar" / "corpus.jsonl").is_file():
            return candidate
    raise DataError(
        f"The course data is missing: no 'data' folder beside {package}. "
        "Clone the repository again, or pass the folder of your own knowledge base."
    )


def import_torch() -> ModuleType:
    """Import torch and give it `threads()` threads."""
    _prepare_openmp()
    import torch

    torch.set_num_threads(threads())
    return torch


def import_faiss() -> ModuleType:
    """Import FAISS and give it `threads()` threads (one on macOS, where two OpenMP pools crash)."""
    _prepare_openmp()
    import faiss

    faiss.omp_set_num_threads(1 if sys.platform == "darwin" else threads())
    return faiss


def silence_transformers() -> None:
    """Stop the model libraries from printing progress bars and advice while they load."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="sentence_transformers")
    from transformers.utils import logging as hf_logging

    hf_logging.disable_progress_bar()
    hf_logging.set_verbosity_error()
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)


def _prepare_openmp() -> None:
    if sys.platform == "darwin":  # torch and FAISS each load an OpenMP; the second would abort
        os.environ.setdefault("KMP_DUPLICATE_LIB_OK", "TRUE")
