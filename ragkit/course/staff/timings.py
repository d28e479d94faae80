"""Timings that prose quotes: measured with the ledger, on one machine, never compared by a test.

Each entry has the median over repeats as value and the quartiles as interval, in milliseconds
unless its key says otherwise. `tolerance` is None: another machine has other numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter

import numpy as np

from ragkit.course.staff.backends.experiments import EXPORTED
from ragkit.course.staff.entries import Entries, Entry
from ragkit.documents.kb import load_kb
from ragkit.encoders import MiniLMEncoder
from ragkit.runtime import threads
from ragkit.search.index import FlatIndex
from ragkit.search.reranker import CrossEncoderReranker

REPEATS = 21
SENTENCES = 512


def measure() -> Entries:
    """Measure every timing; `time.threads` says on how many threads."""
    kb = load_kb()
    encoder = MiniLMEncoder()
    texts = [document.full_text for document in kb.documents]
    index = FlatIndex(encoder.dimension)
    index.add(encoder.encode(texts), [document.doc_id for document in kb.documents])
    question = kb.queries[0].text
    asked = encoder.encode([question])
    reranker = CrossEncoderReranker()
    pairs = [(question, text) for text in texts[:10]]
    yield "time.threads", _entry(np.array([threads()]), "threads")
    yield "time.embed_query", _timed(lambda: encoder.encode([question]))
    for backend in EXPORTED:
        exported = MiniLMEncoder(backend=backend)
        yield f"time.embed_query.{backend}", _timed(partial(exported.encode, [question]))
    yield "time.search_56", _timed(lambda: index.search(asked, 5))
    yield "time.rerank_10", _timed(lambda: reranker.predict(pairs))
    yield "time.rerank_1", _timed(lambda: reranker.predict(pairs[:1]))
    short = [question] * SENTENCES
    yield "time.short_per_second", _rate(lambda: encoder.encode(short), SENTENCES)
    documents = (texts * 10)[:SENTENCES]
    yield "time.documents_per_second", _rate(lambda: encoder.encode(documents), SENTENCES)


def _timed(work: Callable[[], object]) -> Entry:
    """Milliseconds of one call after a warm-up."""
    work()
    return _entry(1000 * _seconds(work, REPEATS), "milliseconds, median and quartiles")


def _rate(work: Callable[[], object], items: int) -> Entry:
    """Items a second, over a few long calls."""
    return _entry(items / _seconds(work, 3), f"a second, {items} at once, median and quartiles")


def _seconds(work: Callable[[], object], repeats: int) -> np.ndarray:
    took = []
    for _ in range(repeats):
        started = perf_counter()
        work()
        took.append(perf_counter() - started)
    return np.array(took)


def _entry(values: np.ndarray, how: str) -> Entry:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    interval = (low, high)
    return {"value": middle, "interval": interval, "n": len(values), "tolerance": None, "how": how}
