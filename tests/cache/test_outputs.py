"""The cache gives the encoder's own vectors, encodes a text once, and survives damage and kills."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ragkit
from ragkit.encoders.base import BaseEncoder
from ragkit.files import write_checked
from ragkit.search.reranker import RanksByScore
from ragkit.vectors import Vectors

TEXTS = ["write", "wrote", "written", "¿cómo?", "🙂 日本"]


def vector_of(name: str, text: str) -> Vectors:
    """A unit vector that depends on the text and the encoder alone, float32 [8]."""
    digest = sha256(f"{name}\0{text}".encode("utf-8", "surrogatepass")).digest()
    raw = np.frombuffer(digest, dtype=np.uint8)[:8].astype(np.float32) + 1.0
    vector: Vectors = raw / np.linalg.norm(raw)
    return vector


class CountingEncoder:
    """An `Encoder` without a model that remembers what it was asked to encode."""

    dimension = 8

    def __init__(self, name: str = "counting") -> None:
        self.name = name
        self.fingerprint = sha256(name.encode()).hexdigest()
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
        rows = [texts] if isinstance(texts, str) else list(texts)
        self.encoded += rows
        vectors = np.array([vector_of(self.name, t) for t in rows], dtype=np.float32)
        return vectors.reshape(len(rows), self.dimension)

    encode_query = encode
    encode_document = encode


def expected(texts: Sequence[str], name: str = "counting") -> Vectors:
    return np.array([vector_of(name, text) for text in texts])


def entries(root: Path) -> list[Path]:
    return sorted(root.rglob("*.float32"))


@pytest.fixture
def cache(tmp_path: Path) -> ragkit.EmbeddingCache:
    return ragkit.EmbeddingCache(tmp_path)


# Once, and only once


def test_a_first_call_gives_what_the_encoder_gives(cache: ragkit.EmbeddingCache) -> None:
    vectors = cache.encode(CountingEncoder(), TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, expected(TEXTS))


def test_a_second_call_encodes_nothing_and_gives_the_same(cache: ragkit.EmbeddingCache) -> None:
    encoder = CountingEncoder()
    first = cache.encode(encoder, TEXTS)
    encoder.encoded.clear()
    np.testing.assert_array_equal(cache.encode(encoder, TEXTS), first)
    assert encoder.encoded == []
    assert (cache.hits, cache.misses) == (len(TEXTS), len(TEXTS))


def test_another_process_lifetime_finds_the_entries(tmp_path: Path) -> None:
    ragkit.EmbeddingCache(tmp_path).encode(CountingEncoder(), TEXTS)
    later = CountingEncoder()
    np.testing.assert_array_equal(
        ragkit.EmbeddingCache(tmp_path).encode(later, TEXTS), expected(TEXTS)
    )
    assert later.encoded == []


def test_an_encoder_is_not_called_when_every_text_is_stored(cache: ragkit.EmbeddingCache) -> None:
    class Strict(CountingEncoder):
        def encode(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
            return np.stack([vector_of(self.name, text) for text in texts])  # not of nothing

    for texts in (["go", "went"], ["go", "went"], []):
        assert cache.encode(Strict(), texts).shape == (len(texts), 8)


def test_only_new_texts_are_encoded_and_order_is_kept(cache: ragkit.EmbeddingCache) -> None:
    encoder = CountingEncoder()
    cache.encode(encoder, ["wrote", "written"])
    encoder.encoded.clear()
    mixed = ["new b", "written", "new a", "wrote"]
    np.testing.assert_array_equal(cache.encode(encoder, mixed), expected(mixed))
    assert encoder.encoded == ["new b", "new a"]


def test_duplicates_in_one_call_are_encoded_once(cache: ragkit.EmbeddingCache) -> None:
    encoder = CountingEncoder()
    repeated = ["go", "went", "go", "go"]
    np.testing.assert_array_equal(cache.encode(encoder, repeated), expected(repeated))
    assert encoder.encoded == ["go", "went"]


def test_another_fingerprint_misses(cache: ragkit.EmbeddingCache) -> None:
    cache.encode(CountingEncoder("a"), TEXTS)
    other = CountingEncoder("b")
    np.testing.assert_array_equal(cache.encode(other, TEXTS), expected(TEXTS, "b"))
    assert other.encoded == TEXTS


def test_texts_that_differ_in_a_space_are_different_texts(cache: ragkit.EmbeddingCache) -> None:
    encoder = CountingEncoder()
    cache.encode(encoder, ["go", "go ", "Go"])
    assert encoder.encoded == ["go", "go ", "Go"]


@given(calls=st.lists(st.lists(st.text(min_size=1).filter(str.strip), max_size=5), max_size=4))
def test_any_sequence_of_calls_gives_the_encoders_vectors(
    tmp_path_factory: pytest.TempPathFactory, calls: list[list[str]]
) -> None:
    encoder, cache = CountingEncoder(), ragkit.EmbeddingCache(tmp_path_factory.mktemp("cache"))
    for texts in calls:
        wanted = expected(texts).reshape(len(texts), 8)
        np.testing.assert_array_equal(cache.encode(encoder, texts), wanted)
    assert sorted(encoder.encoded) == sorted({text for texts in calls for text in texts})


def test_no_texts_give_no_rows(cache: ragkit.EmbeddingCache) -> None:
    assert cache.encode(CountingEncoder(), []).shape == (0, 8)


@pytest.mark.parametrize("bad", ["", " ", None, 3])
def test_a_bad_text_is_refused_with_its_place(cache: ragkit.EmbeddingCache, bad: object) -> None:
    with pytest.raises(ragkit.DataError, match=r"texts\[1\]"):
        cache.encode(CountingEncoder(), ["go", bad])
    assert entries(cache.root) == []


def test_a_single_string_is_not_taken_for_a_list_of_letters(cache: ragkit.EmbeddingCache) -> None:
    with pytest.raises(ragkit.DataError, match="texts must be a list of strings; got str"):
        cache.encode(CountingEncoder(), "went")


def test_a_text_that_is_no_unicode_is_refused_with_its_place(cache: ragkit.EmbeddingCache) -> None:
    with pytest.raises(ragkit.DataError, match=r"texts\[1\] is not valid Unicode"):
        cache.encode(CountingEncoder(), ["go", "half a pair: \ud800"])
    assert entries(cache.root) == []


# The wrapped encoder


def test_a_wrapped_encoder_is_an_encoder(cache: ragkit.EmbeddingCache) -> None:
    wrapped = cache.wrap(CountingEncoder())
    assert isinstance(wrapped, ragkit.Encoder)
    assert wrapped.fingerprint == CountingEncoder().fingerprint


def test_a_wrapped_encoder_gives_one_vector_for_one_string(cache: ragkit.EmbeddingCache) -> None:
    encoder = CountingEncoder()
    wrapped = cache.wrap(encoder)
    np.testing.assert_array_equal(wrapped.encode("go"), vector_of("counting", "go"))
    np.testing.assert_array_equal(wrapped.encode_query(["go"])[0], vector_of("counting", "go"))
    assert encoder.encoded == ["go"]


class TwoSided(CountingEncoder):
    """An asymmetric `Encoder`: each side has a prompt of its own, as E5 has."""

    def encode_query(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
        return self.encode([f"query: {text}" for text in texts])

    def encode_document(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
        return self.encode([f"passage: {text}" for text in texts])


class OneSided(BaseEncoder):
    """Of the shared base, but queries go their own way."""

    name, dimension, max_length, identity = "one-sided", 8, 100, {"model": "one-sided"}

    def encode_query(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
        return self.encode([text.upper() for text in texts])

    def _encode(self, texts: list[str], batch_size: int) -> Vectors:
        return expected(texts)

    def _lengths(self, texts: list[str]) -> list[int]:
        return [1 for _ in texts]


class TwoTowers:
    """An asymmetric `Encoder` made of two symmetric ones, whose methods it has as its own."""

    name, dimension, fingerprint = "two towers", 8, "two-towers"

    def __init__(self) -> None:
        queries, documents = CountingEncoder("queries"), CountingEncoder("documents")
        self.encode = self.encode_document = documents.encode
        self.encode_query = queries.encode


@pytest.mark.parametrize("make", [TwoSided, OneSided, CountingEncoder, TwoTowers])
def test_every_side_keeps_its_vectors_behind_the_cache(
    cache: ragkit.EmbeddingCache, make: Callable[[], ragkit.Encoder]
) -> None:
    wrapped = cache.wrap(cache.wrap(make()))
    for _ in range(2):
        for name in ("encode", "encode_query", "encode_document"):
            plain, behind = getattr(make(), name), getattr(wrapped, name)
            np.testing.assert_array_equal(behind(TEXTS), plain(TEXTS))
            np.testing.assert_array_equal(behind("write"), plain(["write"])[0])


def test_a_search_through_the_cache_is_the_encoders_own(cache: ragkit.EmbeddingCache) -> None:
    documents = [ragkit.Document(f"d{number}", text) for number, text in enumerate(TEXTS)]
    plain, cached = (
        ragkit.DenseRetriever(encoder).fit(documents)
        for encoder in (TwoSided(), cache.wrap(TwoSided()))
    )
    assert cached.search("wrote") == plain.search("wrote")


def test_sides_share_their_entries_only_where_they_are_alike(cache: ragkit.EmbeddingCache) -> None:
    for encoder, kept in ((CountingEncoder(), 1), (TwoSided("other"), 3)):
        wrapped = cache.wrap(encoder)
        before = len(entries(cache.root))
        for encode in (wrapped.encode, wrapped.encode_query, wrapped.encode_document):
            encode(["go"])
        assert len(entries(cache.root)) - before == len(encoder.encoded) == kept


@pytest.mark.parametrize("side", [None, "query", "document"])
def test_the_entries_of_a_symmetric_encoder_stay_where_they_were(
    cache: ragkit.EmbeddingCache, side: Any, minigpt: ragkit.MiniGPTEncoder
) -> None:
    cache.encode(minigpt, ["go"], side=side)
    assert entries(cache.root) == [cache.path_of(minigpt.fingerprint, "go")]


@pytest.mark.parametrize("side", ["queries", "", "Document"])
def test_a_side_that_there_is_not_is_refused(cache: ragkit.EmbeddingCache, side: Any) -> None:
    with pytest.raises(ragkit.DataError, match="side must be 'query', 'document' or None"):
        cache.encode(TwoSided(), ["go"], side=side)


def test_the_cache_folder_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAGKIT_CACHE", str(tmp_path / "here"))
    ragkit.CachedEncoder(CountingEncoder()).encode(["go"])
    assert len(entries(tmp_path / "here")) == 1


def test_minilm_behind_the_cache_gives_minilms_vectors(
    cache: ragkit.EmbeddingCache, minilm: ragkit.MiniLMEncoder
) -> None:
    wanted = minilm.encode(TEXTS)
    np.testing.assert_array_equal(cache.wrap(minilm).encode(TEXTS), wanted)
    np.testing.assert_array_equal(cache.wrap(minilm).encode(TEXTS), wanted)


# Damage


def flip_last_byte(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def flip_checksum(content: bytes) -> bytes:
    return content[:20] + bytes([content[20] ^ 1]) + content[21:]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda content: content[:-3],
    "header only": lambda content: content[:13],
    "empty": lambda content: b"",
    "flipped in the vector": flip_last_byte,
    "flipped in the checksum": flip_checksum,
    "another format": lambda content: b"x" + content[1:],
    "zeros": lambda content: bytes(len(content)),
    "pickle": lambda content: pickle.dumps([1.0] * 8),
    "longer": lambda content: content + b"\0\0\0\0",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_entry_warns_is_encoded_again_and_repaired(
    cache: ragkit.EmbeddingCache, damage: Callable[[bytes], bytes]
) -> None:
    encoder = CountingEncoder()
    cache.encode(encoder, ["go"])
    (entry,) = entries(cache.root)
    entry.write_bytes(damage(entry.read_bytes()))
    with pytest.warns(ragkit.RagkitWarning, match="damaged"):
        again = cache.encode(encoder, ["go"])
    np.testing.assert_array_equal(again, expected(["go"]))
    np.testing.assert_array_equal(cache.encode(encoder, ["go"]), again)
    assert encoder.encoded == ["go", "go"]


def test_a_whole_entry_of_another_dimension_is_damage(cache: ragkit.EmbeddingCache) -> None:
    encoder = CountingEncoder()
    path = cache.path_of(encoder.fingerprint, "go")
    write_checked(path, {"float32": 4}, np.ones(4, dtype="<f4").tobytes())
    with pytest.warns(ragkit.RagkitWarning, match="damaged"):
        np.testing.assert_array_equal(cache.encode(encoder, ["go"]), expected(["go"]))


def test_nothing_is_pickled(cache: ragkit.EmbeddingCache) -> None:
    cache.encode(CountingEncoder(), ["go"])
    (entry,) = entries(cache.root)
    vector = vector_of("counting", "go").astype("<f4")
    body = b'{"float32": %d}\n' % len(vector) + vector.tobytes()
    assert entry.read_bytes() == b"ragkit-1\n%s\n" % sha256(body).hexdigest().encode() + body


def test_a_planted_pickle_is_never_run(cache: ragkit.EmbeddingCache, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
            return os.mkdir, (str(tmp_path / "exploded"),)

    path = cache.path_of(CountingEncoder().fingerprint, "go")
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.warns(ragkit.RagkitWarning, match="damaged"):
        cache.encode(CountingEncoder(), ["go"])
    assert not (tmp_path / "exploded").exists()


# Kills and neighbours


def test_an_interrupt_between_write_and_rename_leaves_no_file(
    cache: ragkit.EmbeddingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            cache.encode(CountingEncoder(), ["go"])
    assert [path for path in cache.root.rglob("*") if path.is_file()] == []
    np.testing.assert_array_equal(cache.encode(CountingEncoder(), ["go"]), expected(["go"]))


def test_a_failed_rename_leaves_no_file_and_work_goes_on(
    cache: ragkit.EmbeddingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(ragkit.RagkitWarning, match="No space left"):
        np.testing.assert_array_equal(cache.encode(CountingEncoder(), TEXTS), expected(TEXTS))
    assert [path for path in cache.root.rglob("*") if path.is_file()] == []


def encode_in_process(
    root: Path,
    texts: list[str],
    answers: multiprocessing.Queue,
    together: multiprocessing.Barrier,
) -> None:
    together.wait(60)
    answers.put(ragkit.EmbeddingCache(root).encode(CountingEncoder(), texts).tobytes())


def die_at_the_second_rename(root: Path) -> None:
    rename, renamed = os.replace, []

    def replace(source: str, target: str) -> None:
        if renamed:
            os.kill(os.getpid(), signal.SIGKILL)
        renamed.append(target)
        rename(source, target)

    os.replace = replace
    ragkit.EmbeddingCache(root).encode(CountingEncoder(), TEXTS)


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX: a signal that kills")
def test_a_killed_process_leaves_whole_entries_only(cache: ragkit.EmbeddingCache) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=die_at_the_second_rename, args=(cache.root,)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    encoder = CountingEncoder()
    np.testing.assert_array_equal(cache.encode(encoder, TEXTS), expected(TEXTS))
    assert encoder.encoded == TEXTS[1:]


def test_processes_that_write_at_the_same_time_get_the_right_vectors(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    texts = [f"sentence {number}" for number in range(300)]
    answers, together = context.Queue(), context.Barrier(2)
    orders = [texts, texts[::-1]]
    processes = [
        context.Process(target=encode_in_process, args=(tmp_path, order, answers, together))
        for order in orders
    ]
    for process in processes:
        process.start()
    found = {answers.get(timeout=60), answers.get(timeout=60)}
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert found == {expected(order).tobytes() for order in orders}
    after = CountingEncoder()
    vectors = ragkit.EmbeddingCache(tmp_path).encode(after, texts)
    np.testing.assert_array_equal(vectors, expected(texts))
    assert after.encoded == []


# A folder that cannot be written (below a file, so that root cannot write there either)


def test_an_unwritable_folder_warns_once_and_work_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = ragkit.EmbeddingCache(tmp_path / "file" / "cache")
    with pytest.warns(ragkit.RagkitWarning, match="RAGKIT_CACHE") as caught:
        twice = [cache.encode(CountingEncoder(), TEXTS) for _ in range(2)]
    assert len(caught) == 1
    np.testing.assert_array_equal(twice, [expected(TEXTS)] * 2)


# Scores


class CountingReranker(RanksByScore):
    """Scores a pair by its lengths, and remembers what it was asked."""

    name, fingerprint = "counting", "f" * 64

    def __init__(self) -> None:
        self.scored: list[Any] = []

    def predict(self, pairs: Any) -> Any:
        self.scored += pairs
        return np.array([10 * len(q) + len(text) for q, text in pairs], dtype=np.float32)


PAIRS = [("eat", "ate"), ("ate", "eaten"), ("eat", "ate")]


def test_a_pair_is_scored_once(tmp_path: Path) -> None:
    reranker: Any = CountingReranker()
    for _ in range(2):
        scores = ragkit.ScoreCache(tmp_path).wrap(reranker).predict(PAIRS)
        np.testing.assert_array_equal(scores, np.float32([33, 35, 33]))
    assert reranker.scored == PAIRS[:2]


def test_pairs_with_the_same_letters_are_not_one(tmp_path: Path) -> None:
    reranker: Any = CountingReranker()
    cached = ragkit.ScoreCache(tmp_path).wrap(reranker)
    pairs = [("a b", "c"), ("a", "b c"), ("c", "a b"), ("a, b", "c"), ('a", "b', "c")]
    cached.predict(pairs)
    assert (reranker.scored, cached.cache.misses) == (pairs, 5)


def test_no_pairs_have_no_scores(tmp_path: Path) -> None:
    reranker: Any = CountingReranker()
    assert ragkit.ScoreCache(tmp_path).wrap(reranker).predict([]).shape == (0,)


def test_a_damaged_score_is_scored_again(tmp_path: Path) -> None:
    reranker: Any = CountingReranker()
    cached = ragkit.ScoreCache(tmp_path).wrap(reranker)
    cached.predict(PAIRS)
    for path in tmp_path.rglob("*.float32"):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(ragkit.RagkitWarning, match="damaged"):
        np.testing.assert_array_equal(cached.predict(PAIRS), np.float32([33, 35, 33]))


def test_the_cached_reranker_ranks_as_the_reranker(
    tmp_path: Path, reranker: ragkit.CrossEncoderReranker, kb: ragkit.KnowledgeBase
) -> None:
    cached = ragkit.ScoreCache(tmp_path).wrap(reranker)
    asked = "past participle of eat?", kb.documents[:8], 5
    assert isinstance(cached, ragkit.Reranker)
    assert cached.rank(*asked) == reranker.rank(*asked) == cached.rank(*asked)
    assert cached.cache.hits == cached.cache.misses == 8


def test_a_pair_that_is_none_is_refused(
    tmp_path: Path, reranker: ragkit.CrossEncoderReranker
) -> None:
    with pytest.raises(ragkit.DataError, match=r"pairs\[1\]"):
        ragkit.ScoreCache(tmp_path).wrap(reranker).predict([("a", "b"), "ab"])  # type: ignore[list-item]


def test_copies_of_a_new_text_are_one_miss_and_no_hits(cache: ragkit.EmbeddingCache) -> None:
    cache.encode(CountingEncoder(), ["go"])
    cache.encode(CountingEncoder(), ["went", "go", "went", "went"])
    assert (cache.hits, cache.misses) == (1, 2)
