"""What was measured on: processor, memory, system, versions, threads, date."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks.harness import Record
from ragkit.runtime import threads

FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8")
LIBRARIES = (
    "numpy",
    "torch",
    "sentence-transformers",
    "transformers",
    "tokenizers",
    "faiss-cpu",
    "onnx",
    "onnxruntime",
    "ranx",
    "pytrec_eval-terrier",
)


def environment() -> Record:
    """The machine and the software, as plain values; memory in bytes."""
    return {
        "cpu": _cpu_field("model name") or platform.processor() or platform.machine(),
        "cores": psutil.cpu_count(logical=False) or psutil.cpu_count(),
        "threads": threads(),
        "instructions": [flag for flag in FLAGS if flag in _cpu_field("flags").split()],
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def today() -> str:
    """The date in UTC, as in 2026-01-31."""
    return datetime.now(UTC).date().isoformat()


def _cpu_field(name: str) -> str:
    """One field of Linux's description of the first processor; empty elsewhere."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    found = (line.split(":", 1)[1] for line in lines if line.split(":")[0].strip() == name)
    return next(found, "").strip()


def load() -> float:
    """Cores that other programs keep busy in the second before a measurement begins."""
    return (psutil.cpu_count() or 1) * float(psutil.cpu_percent(interval=1.0)) / 100
