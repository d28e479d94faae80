"""What the int8 models give on a processor without VNNI, which qemu-user emulates.

    apt-get install qemu-user
    python tools/emulate_int8.py --cpu Haswell

It scores pairs of the course and encodes texts here and there, with and without onnxruntime's
precise mode, and prints how far the results are apart. A pair takes some three seconds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np


def main() -> None:
    """Measure in a process of its own for each setting; compare with this processor's results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cpu", default="Haswell", help="see qemu-x86_64 -cpu help")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--measure", nargs=2, metavar=("MODE", "FILE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        mode, file = asked.measure
        measure(asked.pairs, Path(file), precise=mode == "precise")
    else:
        compare(asked.cpu, asked.pairs)


def compare(cpu: str, pairs: int) -> None:
    """Print how far the emulated processor's results are from this one's, in both modes."""
    here = run([], pairs, "default")
    show("here", here, run([], pairs, "precise"))
    for mode in ("precise", "default"):
        show(mode, here, run(["qemu-x86_64", "-cpu", cpu], pairs, mode))


def run(emulator: list[str], pairs: int, mode: str) -> dict[str, np.ndarray]:
    """The scores and vectors of a fresh process, behind an emulator if one is named."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "measured.npz"
        command = [sys.executable, __file__, "--pairs", str(pairs), "--measure", mode, str(file)]
        one_thread = {**os.environ, "RAGKIT_THREADS": "1", "OMP_NUM_THREADS": "1"}
        subprocess.run([*emulator, *command], env=one_thread, stderr=subprocess.DEVNULL, check=True)
        return dict(np.load(file))


def measure(count: int, file: Path, *, precise: bool) -> None:
    """Score the pairs and encode their texts; torch is not imported, which no emulator could."""
    import ragkit
    from ragkit.weights import opening

    opening.int8_saturates = lambda: precise
    pairs = course_pairs(count)
    scores = ragkit.CrossEncoderReranker().predict(pairs)
    texts = [pair[number % 2] for number, pair in enumerate(pairs)]
    vectors = ragkit.MiniLMEncoder(backend="onnx-int8").encode(texts)
    np.savez(file, scores=scores, vectors=vectors)


def course_pairs(count: int) -> list[tuple[str, str]]:
    """Test questions spread over the split, by turns with a right and a random document."""
    import ragkit

    kb = ragkit.load_kb()
    random = np.random.default_rng(0)
    chosen = [kb.queries[i] for i in np.linspace(0, len(kb.queries) - 1, count).astype(int)]
    right = [kb.by_id[next(iter(kb.qrels[query.query_id]))] for query in chosen]
    other = [kb.documents[i] for i in random.integers(len(kb.documents), size=count)]
    texts = [(right, other)[i % 2][i].full_text for i in range(count)]
    return [(query.text, text) for query, text in zip(chosen, texts, strict=True)]


def show(mode: str, here: dict[str, np.ndarray], there: dict[str, np.ndarray]) -> None:
    """One line: by how much scores differ, and the lowest cosine of two vectors of a text."""
    apart = np.abs(here["scores"] - there["scores"])
    cosines = np.einsum("nd,nd->n", here["vectors"], there["vectors"])
    print(
        f"{mode:<8} scores differ by {np.median(apart):.4f} (median), {apart.max():.4f} (most); "
        f"{np.mean(apart < 1e-3):.0%} by less than 0.001; lowest cosine {cosines.min():.5f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
