"""The cache of indexes reads back what it would build, and nothing built of other things."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ragkit
from ragkit.vectors import Vectors, unit_rows

IDS = [f"d{row}" for row in range(300)]


def rows(seed: int = 0, count: int = 300) -> Vectors:
    return unit_rows(np.random.default_rng(seed).standard_normal((count, 16), dtype=np.float32))


def graph(**settings: int) -> ragkit.HNSWIndex:
    return ragkit.HNSWIndex(16, **{"m": 4, "ef_construction": 8, "ef_search": 4, **settings})


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """With several, two builds of one graph may differ."""
    monkeypatch.setenv("RAGKIT_THREADS", "1")


@pytest.fixture
def cache(tmp_path: Path) -> ragkit.IndexCache:
    return ragkit.IndexCache(tmp_path)


def files(cache: ragkit.IndexCache) -> list[Path]:
    return [path for path in cache.root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("empty", [graph, lambda: ragkit.FlatIndex(16)], ids=["hnsw", "flat"])
def test_what_is_read_back_answers_as_what_was_built(
    cache: ragkit.IndexCache, empty: Callable[[], ragkit.HNSWIndex]
) -> None:
    built = cache.fill(empty(), rows(), IDS)
    read = cache.fill(empty(), rows(), IDS)
    assert (cache.misses, cache.hits) == (1, 1)
    assert read is not built
    assert (read.doc_ids, read.settings, read.nbytes) == (IDS, built.settings, built.nbytes)
    for one, other in zip(built.search(rows(1, 20), 10), read.search(rows(1, 20), 10), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_read_back_can_grow(cache: ragkit.IndexCache) -> None:
    for _ in range(2):
        index = cache.fill(graph(), rows(), IDS)
    index.add(rows(1, 1), ["another"])
    assert index.search(rows(1, 1), 1)[1] == [["another"]]
    assert len(cache.fill(graph(), rows(), IDS)) == 300


@pytest.mark.parametrize(
    "other",
    [
        lambda: (graph(m=5), rows(), IDS),
        lambda: (graph(ef_construction=9), rows(), IDS),
        lambda: (graph(ef_search=5), rows(), IDS),
        lambda: (ragkit.HNSWIndex(16, m=4, ef_construction=8, fingerprint="f"), rows(), IDS),
        lambda: (ragkit.FlatIndex(16), rows(), IDS),
        lambda: (graph(), rows(2), IDS),
        lambda: (graph(), rows()[::-1], IDS),
        lambda: (graph(), rows()[:299], IDS[:299]),
        lambda: (graph(), rows(), IDS[::-1]),
    ],
    ids=["m", "construction", "search", "fingerprint", "kind", "vectors", "order", "fewer", "ids"],
)
def test_what_was_built_of_other_things_is_not_taken(
    cache: ragkit.IndexCache, other: Callable[[], tuple[ragkit.HNSWIndex, Vectors, list[str]]]
) -> None:
    cache.fill(graph(), rows(), IDS)
    cache.fill(*other())
    assert (cache.misses, cache.hits) == (2, 0)


@pytest.mark.parametrize("content", [b"", b"ragkit-index-1\n", b"x" * 100])
def test_a_damaged_file_warns_and_is_built_again(cache: ragkit.IndexCache, content: bytes) -> None:
    truth = cache.fill(graph(), rows(), IDS).search(rows(1, 20), 10)
    [file] = files(cache)
    whole = file.read_bytes()
    for damage in (content, whole[:-1], whole + b" "):
        file.write_bytes(damage)
        with pytest.warns(ragkit.RagkitWarning, match="being built now"):
            again = cache.fill(graph(), rows(), IDS)
        np.testing.assert_array_equal(again.search(rows(1, 20), 10)[1], truth[1])
    assert file.read_bytes() == whole
    assert (cache.misses, cache.hits) == (4, 0)


def test_a_folder_that_cannot_be_written_is_reported_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = ragkit.IndexCache(tmp_path / "file" / "cache")
    with pytest.warns(ragkit.RagkitWarning, match="RAGKIT_CACHE") as caught:
        filled = [cache.fill(graph(), rows(), IDS) for _ in range(2)]
    assert len(caught) == 1
    assert [len(index) for index in filled] == [300, 300]


def test_an_index_that_is_not_empty_is_refused(cache: ragkit.IndexCache) -> None:
    index = cache.fill(graph(), rows(), IDS)
    with pytest.raises(ragkit.DataError, match="contains 300 vectors"):
        cache.fill(index, rows(1), IDS)


@pytest.mark.parametrize(
    ("vectors", "ids", "error"),
    [
        (rows() * 2, IDS, ragkit.VectorError),
        (rows()[:, :8], IDS, ragkit.VectorError),
        (rows(), IDS[:-1], ragkit.VectorError),
        (rows(), ["d0", *IDS[:-1]], ragkit.DataError),
        (rows(), [7, *IDS[1:]], ragkit.DataError),
    ],
    ids=["length", "dimension", "count", "twice", "no text"],
)
def test_what_an_index_refuses_is_refused_and_not_kept(
    cache: ragkit.IndexCache, vectors: Vectors, ids: list[str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        cache.fill(graph(), vectors, ids)
    assert files(cache) == []


def test_what_another_release_of_faiss_built_is_not_taken(
    cache: ragkit.IndexCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.fill(graph(), rows(), IDS)
    monkeypatch.setattr("faiss.__version__", "0.0")
    cache.fill(graph(), rows(), IDS)
    assert (cache.misses, cache.hits) == (2, 0)
