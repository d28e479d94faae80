"""The switches of the process: quietness, threads, and where files live. Nothing else sets them.

- `RAGKIT_QUIET=1` silences progress bars and third-party chatter (CI sets it).
- `RAGKIT_THREADS=n` sets the threads of torch, FAISS and onnxruntime; default: all our cores.
- `RAGKIT_CACHE=dir` moves the cache of embeddings, scores, graphs and exports.
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
LARGEST_SEED = 2**64 - 1  # what torch's generators take


def quiet() -> bool:
    """True when `RAGKIT_QUIET` is set to anything but 0 or nothing."""
    return os.environ.get("RAGKIT_QUIET", "") not in ("", "0")


def threads() -> int:
    """Number of threads for numeric work: `RAGKIT_THREADS`, or the cores this process may use."""
    wanted = os.environ.get("RAGKIT_THREADS", "")
    if wanted:
        if not wanted.isdecimal() or int(wanted) == 0:  # "²" is a digit, but no number
            raise DataError(f"RAGKIT_THREADS is {wanted!r}; set it to a whole number from 1 up.")
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cache_dir() -> Path:
    """Folder of everything that is kept: `RAGKIT_CACHE`, or the user's cache folder."""
    if folder := os.environ.get("RAGKIT_CACHE"):
        return Path(folder)
    from platformdirs import user_cache_path

    return user_cache_path("ragkit")


def data_dir() -> Path:
    """Folder of the course's data: beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).resolve().parent
    for candidate in (package.parent / "data", package / "_data"):
        if (candidate / "verb_grammar" / "corpus.jsonl").is_file():
            return candidate
    raise DataError(
        f"The course data is missing: no 'data' folder beside {package}. "
        "Clone the repository again, or pass the folder of your own knowledge base."
    )


def import_torch() -> ModuleType:
    """Import torch with our thread count, before FAISS can load a second OpenMP on macOS."""
    _prepare_openmp()
    import torch

    torch.set_num_threads(threads())
    return torch


def import_faiss() -> ModuleType:
    """Import FAISS with our thread count (one on macOS, where two OpenMP pools crash)."""
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
    if sys.platform == "darwin":
        os.environ.setdefault("KMP_DUPLICATE_LIB_OK", "TRUE")
