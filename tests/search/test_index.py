"""Indexes find what numpy finds, order ties by doc_id, refuse bad vectors, and survive the disk."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import ragkit
from ragkit.files import read_checked, write_checked
from ragkit.vectors import Vectors

Kind = type[ragkit.FlatIndex] | type[ragkit.HNSWIndex]


@pytest.fixture(params=[ragkit.FlatIndex, ragkit.HNSWIndex])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


def unit_vectors(count: int, dimension: int, seed: int = 0) -> Vectors:
    raw = np.random.default_rng(seed).normal(size=(count, dimension))
    return (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)


def names(count: int) -> list[str]:
    return [f"d{number}" for number in range(count)]


def filled(kind: Kind, vectors: Vectors, doc_ids: list[str] | None = None) -> ragkit.Index:
    index = kind(vectors.shape[1])
    index.add(vectors, names(len(vectors)) if doc_ids is None else doc_ids)
    return index


def nearest(scores: np.ndarray, doc_ids: list[str], k: int) -> list[str]:
    """The tie rule in numpy: score descending, then doc_id ascending."""
    order = np.lexsort((np.array(doc_ids), -scores))[:k]
    return [doc_ids[row] for row in order]


# 24 directions whose inner products are exact in any arithmetic: ±axes, then (±½, ±½, ±½, ±½)
AXES = [sign * row for row in np.eye(4) for sign in (1, -1)]
EXACT = np.array([*AXES, *itertools.product((0.5, -0.5), repeat=4)], dtype=np.float32)

doc_ids_of_any_text = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=4
)


@st.composite
def collections(draw: st.DrawFn) -> tuple[Vectors, list[str]]:
    """Exact vectors with many duplicates, under ids in no particular order."""
    doc_ids = draw(st.lists(doc_ids_of_any_text, min_size=1, max_size=40, unique=True))
    rows = st.integers(0, draw(st.integers(0, len(EXACT) - 1)))
    chosen = draw(st.lists(rows, min_size=len(doc_ids), max_size=len(doc_ids)))
    return EXACT[chosen], doc_ids


# Exact search


@given(collection=collections(), k=st.integers(1, 45))
@settings(max_examples=60, deadline=None)
def test_flat_finds_what_numpy_finds_duplicates_and_ties_included(
    collection: tuple[Vectors, list[str]], k: int
) -> None:
    vectors, doc_ids = collection
    scores, ids = filled(ragkit.FlatIndex, vectors, doc_ids).search(EXACT, k)
    for query, row_scores, row_ids in zip(EXACT, scores, ids, strict=True):
        expected = vectors @ query
        assert row_ids.tolist() == nearest(expected, doc_ids, k)
        assert row_scores.tolist() == np.sort(expected)[::-1][:k].tolist()


@given(
    seed=st.integers(0, 10_000),
    distinct=st.integers(1, 12),
    dimension=st.sampled_from([2, 3, 7, 64, 384]),
    k=st.integers(1, 30),
)
@settings(max_examples=40, deadline=None)
def test_flat_finds_what_numpy_finds_among_any_vectors_duplicated(
    seed: int, distinct: int, dimension: int, k: int
) -> None:
    unique, query = unit_vectors(distinct, dimension, seed), unit_vectors(1, dimension, seed + 1)
    similarities = unique.astype(np.float64) @ query[0].astype(np.float64)
    assume(np.diff(np.sort(similarities)).min(initial=1.0) > 1e-5)  # only copies are tied
    copies = np.random.default_rng(seed).integers(0, distinct, size=30)
    _, ids = filled(ragkit.FlatIndex, unique[copies]).search(query, k)
    assert ids[0].tolist() == nearest(similarities[copies], names(30), k)


def test_ties_at_the_cut_off_are_settled_by_doc_id(kind: Kind) -> None:
    vectors = np.repeat(EXACT[:2], 20, axis=0)
    doc_ids = [f"d{number}" for number in reversed(range(40))]
    _, ids = filled(kind, vectors, doc_ids).search(EXACT[0], 3)
    assert ids.tolist() == [["d20", "d21", "d22"]]


def test_d10_comes_before_d2_when_their_scores_are_equal(kind: Kind) -> None:
    _, ids = filled(kind, EXACT[[0, 0]], ["d2", "d10"]).search(EXACT[0], 1)
    assert ids.tolist() == [["d10"]]


def test_the_score_is_the_inner_product(kind: Kind) -> None:
    vectors = unit_vectors(50, 16)
    scores, ids = filled(kind, vectors).search(vectors[:5], 50)
    for query, row_scores, row_ids in zip(vectors[:5], scores, ids, strict=True):
        rows = [int(doc_id[1:]) for doc_id in row_ids]
        np.testing.assert_allclose(row_scores, vectors[rows] @ query, atol=1e-6)


def test_the_opposite_direction_comes_last_with_minus_1(kind: Kind) -> None:
    scores, ids = filled(kind, EXACT[[1, 2, 0]], ["against", "across", "along"]).search(EXACT[0], 3)
    assert ids.tolist() == [["along", "across", "against"]]
    assert scores.tolist() == [[1.0, 0.0, -1.0]]


def test_a_result_does_not_depend_on_the_batch(kind: Kind) -> None:
    index, queries = filled(kind, unit_vectors(300, 64)), unit_vectors(70, 64, seed=1)
    scores, ids = index.search(queries, 10)
    for number in (0, 33, 69):
        alone_scores, alone_ids = index.search(queries[number : number + 1], 10)
        np.testing.assert_array_equal(alone_scores[0], scores[number])
        np.testing.assert_array_equal(alone_ids[0], ids[number])


def test_adding_in_two_parts_is_adding_at_once(kind: Kind) -> None:
    vectors = unit_vectors(20, 8)
    parts = filled(kind, vectors[:12], names(20)[:12])
    parts.add(vectors[12:], names(20)[12:])
    once = filled(kind, vectors)
    np.testing.assert_array_equal(parts.search(vectors, 20)[1], once.search(vectors, 20)[1])


def test_vectors_may_be_strided(kind: Kind) -> None:
    vectors, queries = unit_vectors(20, 8), unit_vectors(3, 8, seed=1)
    strided = np.repeat(vectors, 2, axis=1)[:, ::2]
    found = filled(kind, strided).search(np.asfortranarray(queries), 5)[1]
    np.testing.assert_array_equal(found, filled(kind, vectors).search(queries, 5)[1])


def test_changing_the_array_afterwards_does_not_change_the_index(kind: Kind) -> None:
    vectors = EXACT[:3].copy()
    index = filled(kind, vectors)
    vectors[:] = EXACT[7]
    assert index.search(EXACT[0], 1)[1].tolist() == [["d0"]]


# Shapes and k


def test_a_search_gives_float32_scores_and_ids_of_one_shape(kind: Kind) -> None:
    scores, ids = filled(kind, EXACT).search(EXACT[:3], 5)
    assert scores.shape == ids.shape == (3, 5)
    assert scores.dtype == np.float32
    assert ids.dtype.kind == "U"


def test_one_query_vector_counts_as_one_row(kind: Kind) -> None:
    assert filled(kind, EXACT).search(EXACT[0], 5)[1].shape == (1, 5)


def test_no_queries_give_no_rows(kind: Kind) -> None:
    scores, ids = filled(kind, EXACT).search(EXACT[:0], 5)
    assert scores.shape == ids.shape == (0, 5)


def test_k_is_clamped_to_the_size_of_the_index(kind: Kind) -> None:
    scores, ids = filled(kind, EXACT[:3]).search(EXACT[:2], 100)
    assert scores.shape == ids.shape == (2, 3)


@pytest.mark.parametrize("k", [0, -1, 2.0, True, "5", None])
def test_a_k_that_is_no_whole_number_from_1_up_is_refused(kind: Kind, k: int) -> None:
    with pytest.raises(ragkit.DataError, match="k must be"):
        filled(kind, EXACT).search(EXACT[0], k)


def test_a_numpy_integer_is_a_k(kind: Kind) -> None:
    assert filled(kind, EXACT).search(EXACT[0], np.int64(2))[1].shape == (1, 2)


def test_an_empty_index_refuses_to_search(kind: Kind) -> None:
    with pytest.raises(ragkit.VectorError, match="index is empty"):
        kind(4).search(EXACT[0], 1)


def test_an_index_knows_its_size_and_dimension(kind: Kind) -> None:
    index = filled(kind, EXACT)
    assert (len(index), index.dimension) == (24, 4)
    assert isinstance(index, ragkit.Index)


@pytest.mark.parametrize("dimension", [0, -4, 4.0, 2**31])
def test_a_dimension_that_faiss_cannot_take_is_refused(kind: Kind, dimension: int) -> None:
    with pytest.raises(ragkit.DataError, match="dimension must be"):
        kind(dimension)


# Bad vectors


def with_row(*values: float) -> Vectors:
    """Four good rows, the third of which is replaced."""
    vectors = EXACT[:4].copy()
    vectors[2] = values
    return vectors


BAD_ROWS = {
    "NaN": (with_row(math.nan, 0, 0, 1), "row 2 contains NaN"),
    "infinite": (with_row(1, 0, -math.inf, 0), "row 2 contains NaN or infinity"),
    "zero": (with_row(0, 0, 0, 0), "row 2 is the zero vector"),
    "too long": (with_row(1, 1, 0, 0), r"row 2 has length 1\.414, not 1"),
    "too short": (with_row(0.5, 0.5, 0, 0), r"row 2 has length 0\.7071, not 1"),
    "just too long": (with_row(1.002, 0, 0, 0), "row 2 has length"),
    "enormous": (with_row(3e38, 3e38, 0, 0), "row 2 has length"),
}
BAD_ARRAYS = {
    "dimension": (EXACT[:4, :3], r"shape \[n, 4\]; got \[4, 3\]"),
    "one row": (np.ones(3, np.float32), r"shape \[n, 4\]; got \[3\]"),
    "three axes": (EXACT[None], r"shape \[n, 4\]; got \[1, 24, 4\]"),
    "scalar": (np.array(1, np.float32), r"shape \[n, 4\]"),
    "float64": (EXACT[:4].astype(np.float64), "must be float32; got float64"),
    "float16": (EXACT[:4].astype(np.float16), "must be float32; got float16"),
    "integers": (EXACT[:4].astype(np.int64), "must be float32; got int64"),
    "list": (EXACT[:4].tolist(), "must be a NumPy array; got list"),
}
BAD_VECTORS = {**BAD_ROWS, **BAD_ARRAYS}
refused = pytest.mark.parametrize(
    ("vectors", "reason"), BAD_VECTORS.values(), ids=BAD_VECTORS.keys()
)


@refused
def test_a_bad_vector_may_not_enter(kind: Kind, vectors: Vectors, reason: str) -> None:
    with pytest.raises(ragkit.VectorError, match=reason):
        kind(4).add(vectors, names(4))


@refused
def test_a_bad_query_vector_is_refused(kind: Kind, vectors: Vectors, reason: str) -> None:
    with pytest.raises(ragkit.VectorError, match=f"query vectors.*{reason}"):
        filled(kind, EXACT).search(vectors, 1)


def test_the_first_of_several_bad_rows_is_named(kind: Kind) -> None:
    vectors = EXACT[:4].copy()
    vectors[[1, 3]] = 0
    with pytest.raises(ragkit.VectorError, match="row 1 "):
        kind(4).add(vectors, names(4))


def test_a_length_within_a_thousandth_of_1_is_good_enough(kind: Kind) -> None:
    index = filled(kind, EXACT[:2] * np.array([[1.0009], [0.9991]], np.float32))
    assert len(index) == 2


# Ids, and adding all or nothing


BAD_ADDS = {
    "an id twice": (EXACT[:2], ["a", "a"], r"doc_ids\[1\]: 'a' is already in the index"),
    "an id of the index": (EXACT[:2], ["a", "d1"], r"doc_ids\[1\]: 'd1' is already"),
    "too few ids": (EXACT[:2], ["a"], "2 vectors came with 1 ids"),
    "too many ids": (EXACT[:2], ["a", "b", "c"], "2 vectors came with 3 ids"),
    "an id that is no string": (EXACT[:2], ["a", 7], r"doc_ids\[1\] must be a non-empty string"),
    "an empty id": (EXACT[:2], ["a", ""], r"doc_ids\[1\] must be a non-empty string"),
    "an id that ends in NUL": (EXACT[:2], ["a", "b\0"], r"doc_ids\[1\] must be .* without NUL"),
    "an id that is no Unicode": (EXACT[:2], ["a", "\ud800"], r"doc_ids\[1\] is not valid Unicode"),
    "a bad vector": (with_row(0, 0, 0, 0), ["a", "b", "c", "d"], "row 2 is the zero vector"),
}


@pytest.mark.parametrize(("vectors", "doc_ids", "reason"), BAD_ADDS.values(), ids=BAD_ADDS.keys())
def test_a_failed_add_leaves_the_index_as_it_was(
    kind: Kind, vectors: Vectors, doc_ids: list[str], reason: str
) -> None:
    index = filled(kind, EXACT[:3])
    before = [part.tolist() for part in index.search(EXACT, 3)]
    with pytest.raises(ragkit.RagkitError, match=reason):
        index.add(vectors, doc_ids)
    assert len(index) == 3
    assert [part.tolist() for part in index.search(EXACT, 100)] == before
    index.add(EXACT[3:5], ["a", "b"])
    assert set(index.search(EXACT[0], 100)[1][0]) == {"d0", "d1", "d2", "a", "b"}


def test_adding_one_more_looks_at_the_known_ids_and_never_lists_them(kind: Kind) -> None:
    class Unlisted(set[str]):
        def __iter__(self) -> Iterator[str]:
            raise AssertionError("all ids were listed")

    index = filled(kind, EXACT[:3])
    index._known = known = Unlisted(index._known)
    index.add(EXACT[3:4], ["new"])
    assert index._known is known
    with pytest.raises(ragkit.DataError, match="'new' is already"):
        index.add(EXACT[4:5], ["new"])


def test_adding_nothing_changes_nothing(kind: Kind) -> None:
    index = filled(kind, EXACT)
    index.add(EXACT[:0], [])
    assert len(index) == 24


# On disk


def small(kind: Kind) -> ragkit.FlatIndex | ragkit.HNSWIndex:
    """Three vectors of an encoder called `abcdef`, in as few bytes as may be."""
    options = {} if kind is ragkit.FlatIndex else {"m": 2}
    index = kind(4, fingerprint="abcdef", **options)
    index.add(EXACT[:3], ["d1", "d2", "d3"])
    return index


def refuses(kind: Kind, path: Path, content: bytes) -> bool:
    """Whether loading a file of this content ends in a `VectorError`; anything else is no."""
    path.write_bytes(content)
    try:
        kind.load(path)
    except ragkit.VectorError:
        return True
    except Exception:
        return False
    return False


def flipped(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


def body_of(content: bytes) -> int:
    """Where ids and vectors begin: after the magic line and the header line."""
    return content.index(b"\n", content.index(b"\n") + 1) + 1


@pytest.fixture
def saved(kind: Kind, tmp_path: Path) -> Path:
    path = tmp_path / "small.index"
    small(kind).save(path)
    return path


def test_a_loaded_index_answers_as_the_saved_one(kind: Kind, tmp_path: Path) -> None:
    vectors, queries = unit_vectors(200, 16), unit_vectors(20, 16, seed=1)
    index = filled(kind, vectors)
    index.save(tmp_path / "index")
    loaded = kind.load(tmp_path / "index")
    for ours, theirs in zip(index.search(queries, 10), loaded.search(queries, 10), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_loaded_index_knows_what_the_saved_one_knew(kind: Kind, saved: Path) -> None:
    loaded = kind.load(saved, fingerprint="abcdef")
    assert (len(loaded), loaded.dimension, loaded.fingerprint) == (3, 4, "abcdef")


@pytest.mark.parametrize("settings", [{"m": 2}, {"m": 7, "ef_construction": 33, "ef_search": 44}])
def test_a_loaded_graph_knows_its_settings(tmp_path: Path, settings: dict[str, int]) -> None:
    built = ragkit.HNSWIndex(4, **settings)
    built.add(EXACT, names(24))
    built.save(tmp_path / "index")
    loaded = ragkit.HNSWIndex.load(tmp_path / "index")
    assert loaded.settings == built.settings
    assert loaded.settings.items() >= settings.items()
    assert vars(loaded).keys() == vars(built).keys()


def test_an_empty_copy_holds_nothing_and_is_otherwise_alike(kind: Kind, saved: Path) -> None:
    for index in (small(kind), kind.load(saved)):
        copy = index.empty_copy()
        assert (type(copy), len(copy)) == (kind, 0)
        assert (copy.dimension, copy.fingerprint) == (4, "abcdef")
        assert copy.settings == index.settings
        copy.add(EXACT[3:4], ["d1"])
        assert (len(copy), len(index)) == (1, 3)


def test_a_loaded_index_can_grow_and_still_refuses_known_ids(kind: Kind, saved: Path) -> None:
    loaded = kind.load(saved)
    with pytest.raises(ragkit.DataError, match="'d2' is already"):
        loaded.add(EXACT[3:4], ["d2"])
    loaded.add(EXACT[3:4], ["d4"])
    assert loaded.search(EXACT[3], 1)[1].tolist() == [["d4"]]


def test_ids_of_any_text_survive_the_disk(kind: Kind, tmp_path: Path) -> None:
    doc_ids = ["two\nlines", 'a "quote"', "日本", "día", " ", "🙂"]
    filled(kind, EXACT[:6], doc_ids).save(tmp_path / "index")
    assert set(kind.load(tmp_path / "index").search(EXACT[0], 6)[1][0]) == set(doc_ids)


def test_an_empty_index_survives_the_disk(kind: Kind, tmp_path: Path) -> None:
    kind(4).save(tmp_path / "index")
    assert len(kind.load(tmp_path / "index")) == 0


def test_saving_replaces_the_file_and_leaves_nothing_else(kind: Kind, saved: Path) -> None:
    filled(kind, EXACT).save(saved)
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]
    assert len(kind.load(saved)) == 24


def test_saving_makes_the_folder(kind: Kind, tmp_path: Path) -> None:
    small(kind).save(tmp_path / "a" / "b" / "index")
    assert len(kind.load(tmp_path / "a" / "b" / "index")) == 3


def test_a_file_cut_short_anywhere_is_refused(kind: Kind, saved: Path) -> None:
    content = saved.read_bytes()
    lengths = [n for n in range(len(content)) if not refuses(kind, saved, content[:n])]
    assert lengths == []


def test_a_file_that_goes_on_is_refused(kind: Kind, saved: Path) -> None:
    assert refuses(kind, saved, saved.read_bytes() + b"\0")


def test_a_flipped_byte_in_ids_or_vectors_is_refused(kind: Kind, saved: Path) -> None:
    content = saved.read_bytes()
    positions = range(body_of(content), len(content))
    assert [p for p in positions if not refuses(kind, saved, flipped(content, p))] == []


def test_a_flipped_byte_in_the_header_is_refused(kind: Kind, saved: Path) -> None:
    content = saved.read_bytes()
    header = content[: body_of(content)].decode()
    accepted = [
        f"{header[max(0, p - 8) : p]}[{header[p]}]{header[p + 1 : p + 8]}"
        for p in range(len(header))
        if not refuses(kind, saved, flipped(content, p))
    ]
    assert accepted == []


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"ragkit-index-1\n", b"ragkit-index-1\n[]\n", b"PK"]
)
def test_a_file_that_is_no_index_is_refused(kind: Kind, tmp_path: Path, content: bytes) -> None:
    assert refuses(kind, tmp_path / "index", content)


@pytest.mark.parametrize(
    "change",
    [
        {"payload": b"not of FAISS"},  # or of a later release, which this one cannot read
        {"doc_ids": ["d1", "d1", "d2"]},
        {"doc_ids": ["d1", "d2"]},
        {"dimension": 7},
        {"fingerprint": None},
        {"doc_ids": None},
        {"more": 1},
    ],
    ids=str,
)
def test_a_whole_file_of_what_no_index_saves_is_refused(
    kind: Kind, saved: Path, change: dict[str, Any]
) -> None:
    header, payload = read_checked(saved)
    changed = {name: value for name, value in (header | change).items() if value is not None}
    write_checked(saved, changed, changed.pop("payload", payload))
    with pytest.raises(ragkit.VectorError, match=r"small\.index: .* Build the index again\."):
        kind.load(saved)


def test_a_file_that_names_the_other_kind_is_refused(kind: Kind, saved: Path) -> None:
    other = ragkit.HNSWIndex if kind is ragkit.FlatIndex else ragkit.FlatIndex
    header, payload = read_checked(saved)
    write_checked(saved, {**header, "kind": other.kind}, payload)
    with pytest.raises(ragkit.VectorError, match=r"small\.index: .* Build the index again\."):
        other.load(saved)


def test_a_missing_file_is_named(kind: Kind, tmp_path: Path) -> None:
    with pytest.raises(ragkit.VectorError, match=r"none\.index: the index cannot be read"):
        kind.load(tmp_path / "none.index")


def test_an_index_of_the_other_kind_is_refused(kind: Kind, saved: Path) -> None:
    other = ragkit.HNSWIndex if kind is ragkit.FlatIndex else ragkit.FlatIndex
    with pytest.raises(ragkit.VectorError, match=f"this is a {kind.kind} index"):
        other.load(saved)


def test_an_index_of_another_encoder_is_refused(kind: Kind, saved: Path) -> None:
    with pytest.raises(ragkit.VectorError, match=r"another encoder \(abcdef, not 123456\)"):
        kind.load(saved, fingerprint="123456")


def test_an_index_of_no_named_encoder_is_refused_where_one_is_asked_for(
    kind: Kind, tmp_path: Path
) -> None:
    filled(kind, EXACT).save(tmp_path / "index")
    with pytest.raises(ragkit.VectorError, match="none named"):
        kind.load(tmp_path / "index", fingerprint="abcdef")


# The graph


@pytest.fixture(scope="module")
def clustered() -> tuple[Vectors, Vectors]:
    """5,000 vectors in 100 clusters and 100 queries from the same clusters, float32 [n, 32]."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(100, 32))
    raw = centres[rng.integers(0, 100, 5_100)] + 0.3 * rng.normal(size=(5_100, 32))
    unit = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    return unit[:5_000], unit[5_000:]


@pytest.fixture(scope="module")
def graph(clustered: tuple[Vectors, Vectors]) -> ragkit.HNSWIndex:
    return filled(ragkit.HNSWIndex, clustered[0])


def overlap(found: np.ndarray, true: np.ndarray) -> float:
    return np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, true, strict=True)])


def test_hnsw_finds_95_of_100_true_neighbours(
    graph: ragkit.HNSWIndex, clustered: tuple[Vectors, Vectors]
) -> None:
    vectors, queries = clustered
    _, true = filled(ragkit.FlatIndex, vectors).search(queries, 10)
    assert overlap(graph.search(queries, 10)[1], true) >= 0.95


def test_a_wider_beam_finds_no_fewer(clustered: tuple[Vectors, Vectors]) -> None:
    vectors, queries = clustered[0][:1_000], clustered[1]
    _, true = filled(ragkit.FlatIndex, vectors).search(queries, 10)
    index = ragkit.HNSWIndex(32, m=4, ef_construction=10, ef_search=1)
    index.add(vectors, names(1_000))
    narrow = overlap(index.search(queries, 10)[1], true)
    index.ef_search = 500
    assert narrow < overlap(index.search(queries, 10)[1], true)


@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 150),
    distinct=st.integers(1, 150),
    k=st.integers(1, 200),
)
@settings(max_examples=40, deadline=None)
def test_hnsw_never_lacks_an_id_even_with_the_narrowest_beam(
    seed: int, count: int, distinct: int, k: int
) -> None:
    vectors = unit_vectors(distinct, 8, seed)[np.arange(count) % distinct]
    index = ragkit.HNSWIndex(8, m=2, ef_construction=1, ef_search=1)
    index.add(vectors, names(count))
    scores, ids = index.search(vectors[:3], k)
    assert all(len(set(row)) == min(k, count) for row in ids.tolist())
    assert set(ids.ravel().tolist()) <= set(names(count))
    assert np.all(np.diff(scores, axis=1) <= 0)


@given(
    seed=st.integers(0, 10_000),
    count=st.integers(2, 150),
    distinct=st.integers(1, 150),
    m=st.sampled_from([2, 3, 16]),
    beam=st.integers(2, 40),
)
@settings(max_examples=60, deadline=None)
def test_within_the_beam_a_smaller_k_of_hnsw_is_the_start_of_a_larger_one(
    seed: int, count: int, distinct: int, m: int, beam: int
) -> None:
    vectors = unit_vectors(distinct, 8, seed)[np.arange(count) % distinct]
    index = ragkit.HNSWIndex(8, m=m, ef_construction=m, ef_search=beam)
    index.add(vectors, names(count))
    queries = unit_vectors(3, 8, seed + 1)
    longest = index.search(queries, beam - 1)[1]
    for k in range(1, beam - 1):
        np.testing.assert_array_equal(index.search(queries, k)[1], longest[:, :k])


@pytest.mark.parametrize("count", [97, 98, 99, 100])
def test_hnsw_orders_copies_by_id_even_where_the_walk_finds_too_few(count: int) -> None:
    copies = np.arange(count) % 5
    index = ragkit.HNSWIndex(384, m=2, ef_construction=1, ef_search=1)
    index.add(unit_vectors(5, 384)[copies], [f"d{number:03}" for number in range(count)])
    scores, ids = index.search(unit_vectors(1, 384, seed=1), count)
    order = list(zip((-scores[0]).tolist(), ids[0].tolist(), strict=True))
    assert order == sorted(order)
    assert len(set(scores[0].tolist())) == 5


def test_hnsw_returns_every_id_when_k_is_the_whole_index(
    clustered: tuple[Vectors, Vectors],
) -> None:
    vectors, queries = clustered[0][:2_000], clustered[1][:3]
    index = ragkit.HNSWIndex(32, m=2, ef_search=1)
    index.add(vectors, names(2_000))
    _, ids = index.search(queries, 2_000)
    assert all(set(row) == set(names(2_000)) for row in ids.tolist())


def test_the_beam_width_survives_the_disk(tmp_path: Path) -> None:
    index = ragkit.HNSWIndex(4, ef_search=77)
    index.save(tmp_path / "index")
    assert ragkit.HNSWIndex.load(tmp_path / "index").ef_search == 77


def test_the_beam_is_at_least_128_wide_unless_told() -> None:
    assert ragkit.HNSWIndex(4).ef_search >= 128


@pytest.mark.parametrize("option", ["m", "ef_construction", "ef_search"])
@pytest.mark.parametrize("value", [0, -1, 1.5, 2**31])
def test_an_option_that_faiss_cannot_take_is_refused(option: str, value: int) -> None:
    with pytest.raises(ragkit.DataError, match=f"{option} must be"):
        ragkit.HNSWIndex(4, **{option: value})


def test_a_graph_of_one_link_a_node_works_or_is_refused() -> None:
    """In a process of its own: FAISS divides by log(m) and takes the interpreter down with it."""
    script = (
        "import numpy, ragkit\n"
        "vectors = numpy.eye(8, dtype=numpy.float32)\n"
        "try:\n"
        "    index = ragkit.HNSWIndex(8, m=1)\n"
        "    index.add(vectors, list('abcdefgh'))\n"
        "    assert index.search(vectors[0], 1)[1].tolist() == [['a']]\n"
        "except ragkit.RagkitError:\n"
        "    pass\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_saved_index_is_as_readable_as_any_new_file(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    filled(ragkit.FlatIndex, EXACT).save(tmp_path / "index")
    assert (tmp_path / "index").stat().st_mode == plain.stat().st_mode
