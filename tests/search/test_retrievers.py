"""Retrievers: what each finds, in which order, how they compose, and what they refuse.

The encoder and the reranker here are a dozen lines each: the tests are about the pipeline.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ragkit
from ragkit import Document, Hit, Query
from ragkit.vectors import Vectors, unit_rows


class LetterEncoder:
    """An `Encoder` without a model: how often each letter occurs, as a unit vector."""

    name, dimension, fingerprint = "letters", 27, "letters-27"

    def encode(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
        rows = [texts] if isinstance(texts, str) else list(texts)
        raw = np.array([[text.count(a) for a in "abcdefghijklmnopqrstuvwxyz "] for text in rows])
        vectors: Vectors = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
        return vectors

    encode_query = encode
    encode_document = encode


class LetterTokens:
    """A `TokenEncoder` without a model: every letter is a token, between two special ones."""

    def token_vectors(self, texts: Sequence[str]) -> list[Vectors]:
        alphabet = "[]abcdefghijklmnopqrstuvwxyz "
        rows = [[alphabet.find(letter) for letter in f"[{text}]"] for text in texts]
        return [7 * np.eye(len(alphabet) + 1, dtype=np.float32)[row] for row in rows]


class LengthReranker:
    """A `Reranker` that likes long texts, and remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[list[str]] = []

    def predict(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        return np.array([len(text) for _, text in pairs], dtype=np.float32)

    def rank(
        self, query: str, documents: Sequence[Document], top_k: int | None = None
    ) -> list[Hit]:
        self.shown.append([document.doc_id for document in documents])
        order = sorted(documents, key=lambda document: (-len(document.text), document.doc_id))
        return [Hit(d.doc_id, len(d.text), n) for n, d in enumerate(order[:top_k], start=1)]


class ListRetriever:
    """A `Retriever` that answers every query with the same documents, best first."""

    def __init__(self, *doc_ids: str) -> None:
        self.documents = {doc_id: Document(doc_id, f"text of {doc_id}") for doc_id in doc_ids}

    def search(self, query: str, k: int = 10) -> list[Hit]:
        return [Hit(doc_id, -n, n) for n, doc_id in enumerate(list(self.documents)[:k], start=1)]

    def run(self, queries: Sequence[Query], k: int = 10) -> dict[str, dict[str, float]]:
        return {q.query_id: {h.doc_id: h.score for h in self.search(q.text, k)} for q in queries}


TEXTS = ["eat ate eaten", "write wrote written", "the ring", "to be or to be", "bee", "a note"]
DOCUMENTS = [Document(f"d{number}", text) for number, text in enumerate(TEXTS)]
MANY = [Document(f"d{number:02}", "eat" + " s" * number) for number in range(30)]
QUERIES = [Query("q1", "eaten"), Query("q2", "to write"), Query("q3", "zzz xqj")]

MAKERS: dict[str, Callable[[], ragkit.Retriever]] = {
    "dense": lambda: ragkit.DenseRetriever(LetterEncoder()),
    "dense over a graph": lambda: ragkit.DenseRetriever(LetterEncoder(), ragkit.HNSWIndex(27)),
    "maxsim": lambda: ragkit.MaxSimRetriever(LetterTokens()),
    "bm25": ragkit.BM25Retriever,
    "random": ragkit.RandomRetriever,
}
EACH = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
Maker = Callable[[], ragkit.Retriever]


def dense(documents: Sequence[Document] = DOCUMENTS) -> ragkit.DenseRetriever:
    return ragkit.DenseRetriever(LetterEncoder()).fit(documents)


def bm25(*texts: str) -> ragkit.BM25Retriever:
    documents = [Document(f"d{number}", text) for number, text in enumerate(texts or TEXTS)]
    return ragkit.BM25Retriever().fit(documents)


def ids(hits: list[Hit]) -> list[str]:
    return [hit.doc_id for hit in hits]


KINDS = [*MAKERS, "fusion", "two stages", "fusion, two stages", "fusion of two stages"]


@pytest.fixture(scope="module")
def fitted() -> dict[str, ragkit.Retriever]:
    """Every kind of retriever, fitted on `DOCUMENTS`."""
    made = {name: make().fit(DOCUMENTS) for name, make in MAKERS.items()}
    made["fusion"] = ragkit.FusionRetriever(made["dense"], made["bm25"])
    made["two stages"] = made["dense"] >> LengthReranker()
    made["fusion, two stages"] = made["fusion"] >> LengthReranker()
    made["fusion of two stages"] = ragkit.FusionRetriever(made["two stages"], made["bm25"])
    return made


@pytest.fixture(params=KINDS)
def retriever(
    request: pytest.FixtureRequest, fitted: dict[str, ragkit.Retriever]
) -> ragkit.Retriever:
    return fitted[request.param]


# What every retriever does


def test_the_stand_ins_are_what_they_stand_in_for() -> None:
    assert isinstance(LetterEncoder(), ragkit.Encoder)
    assert isinstance(LengthReranker(), ragkit.Reranker)
    assert isinstance(ListRetriever("a"), ragkit.Retriever)


def test_each_is_a_retriever(retriever: ragkit.Retriever) -> None:
    assert isinstance(retriever, ragkit.Retriever)


@EACH
def test_each_is_a_retriever_before_it_is_fitted(make: Maker) -> None:
    assert isinstance(make(), ragkit.Retriever)


def test_other_things_are_no_retrievers() -> None:
    assert not isinstance(LengthReranker(), ragkit.Retriever)
    assert not isinstance(dense(), ragkit.Reranker)


def test_ranks_count_from_1_and_scores_descend(retriever: ragkit.Retriever) -> None:
    hits = retriever.search("to eat", k=5)
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(isinstance(hit, Hit) and isinstance(hit.doc_id, str) for hit in hits)


def test_no_document_is_found_twice(retriever: ragkit.Retriever) -> None:
    found = ids(retriever.search("to eat", k=100))
    assert len(set(found)) == len(found)


@given(query=st.text("abet o", min_size=1, max_size=12).filter(str.strip))
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_smaller_k_is_the_start_of_a_larger_one(retriever: ragkit.Retriever, query: str) -> None:
    longest = retriever.search(query, k=len(DOCUMENTS) + 3)
    for k in range(1, len(DOCUMENTS) + 3):
        assert retriever.search(query, k) == longest[:k]


@pytest.mark.parametrize("depth", [1, 2, 5, 29, 30, 31])
def test_so_it_is_whatever_the_depth_of_fusion_and_of_stages(depth: int) -> None:
    graph = ragkit.HNSWIndex(27, m=2, ef_construction=1, ef_search=40)
    walk = ragkit.DenseRetriever(LetterEncoder(), graph).fit(MANY)
    chance = ragkit.RandomRetriever().fit(MANY)
    fused = ragkit.FusionRetriever(walk, chance, depth=depth)
    staged = (fused >> LengthReranker()).with_depth(depth)
    for retriever in (walk, fused, staged, ragkit.FusionRetriever(staged, chance)):
        for query in ("eat", "seats", "tea"):
            longest = retriever.search(query, k=len(MANY) + 3)
            for k in range(1, len(MANY) + 3):
                assert retriever.search(query, k) == longest[:k]


def test_a_run_holds_what_search_finds_query_by_query(retriever: ragkit.Retriever) -> None:
    run = retriever.run(QUERIES, k=3)
    assert list(run) == ["q1", "q2", "q3"]
    for query in QUERIES:
        found = retriever.search(query.text, k=3)
        assert list(run[query.query_id]) == ids(found)
        assert list(run[query.query_id].values()) == pytest.approx([h.score for h in found])


def test_a_run_can_be_evaluated(retriever: ragkit.Retriever) -> None:
    qrels = {query.query_id: {"d0": 1} for query in QUERIES}
    assert 0 <= ragkit.evaluate(qrels, retriever.run(QUERIES, k=3), "mrr@3").mean["mrr@3"] <= 1


def test_a_run_of_no_queries_is_empty(retriever: ragkit.Retriever) -> None:
    assert retriever.run([]) == {}


def test_a_retriever_lists_its_documents_by_id(retriever: ragkit.Retriever) -> None:
    assert dict(retriever.documents) == {document.doc_id: document for document in DOCUMENTS}


@pytest.mark.parametrize("query", ["", " ", "\n\t", "\u00a0"])
def test_an_empty_query_is_refused(retriever: ragkit.Retriever, query: str) -> None:
    with pytest.raises(ragkit.DataError, match="query is empty"):
        retriever.search(query)
    with pytest.raises(ragkit.DataError, match="query is empty"):
        retriever.run([Query("q1", query)])


@pytest.mark.parametrize("query", [None, 7, ["eat"], b"eat"])
def test_a_query_that_is_no_string_is_refused(retriever: ragkit.Retriever, query: str) -> None:
    with pytest.raises(ragkit.DataError, match="query must be a string"):
        retriever.search(query)


@pytest.mark.parametrize("k", [0, -3, 2.5, True, "5", None])
def test_a_k_that_is_no_whole_number_from_1_up_is_refused(
    retriever: ragkit.Retriever, k: int
) -> None:
    with pytest.raises(ragkit.DataError, match="k must be"):
        retriever.search("eat", k)
    with pytest.raises(ragkit.DataError, match="k must be"):
        retriever.run(QUERIES, k)


def test_a_numpy_integer_is_a_k(retriever: ragkit.Retriever) -> None:
    assert retriever.search("eat", np.int64(2)) == retriever.search("eat", 2)


@pytest.mark.parametrize("item", ["eaten", None, ("q2", "eaten"), DOCUMENTS[0]])
def test_an_item_that_is_no_query_is_named_by_its_place(
    retriever: ragkit.Retriever, item: Query
) -> None:
    with pytest.raises(ragkit.DataError, match=r"queries\[1\] is \w+, not a Query"):
        retriever.run([QUERIES[0], item])


@pytest.mark.parametrize("queries", [None, 3, ragkit.KnowledgeBase])
def test_what_is_no_list_of_queries_is_refused(
    retriever: ragkit.Retriever, queries: list[Query]
) -> None:
    with pytest.raises(ragkit.DataError, match=r"queries is \w+, not a list. Pass kb\.queries"):
        retriever.run(queries)


def test_queries_may_come_from_a_generator(retriever: ragkit.Retriever) -> None:
    assert retriever.run(query for query in QUERIES) == retriever.run(QUERIES)


def test_two_queries_of_one_id_are_refused(retriever: ragkit.Retriever) -> None:
    with pytest.raises(ragkit.DataError, match="Two queries share an id"):
        retriever.run([Query("q", "eat"), Query("q", "write")])


# Fitting


@EACH
def test_searching_before_fitting_is_refused(make: Maker) -> None:
    with pytest.raises(ragkit.DataError, match=r"Call fit\(documents\) first"):
        make().search("eat")
    with pytest.raises(ragkit.DataError, match=r"Call fit\(documents\) first"):
        make().run(QUERIES)


@EACH
def test_fitting_on_no_documents_is_refused(make: Maker) -> None:
    with pytest.raises(ragkit.DataError, match="no documents to fit on"):
        make().fit([])


@EACH
def test_two_documents_of_one_id_are_refused(make: Maker) -> None:
    with pytest.raises(ragkit.DataError, match="Two documents share an id"):
        make().fit([Document("d", "eat"), Document("d", "write")])


@EACH
@pytest.mark.parametrize("item", ["eat", None, QUERIES[0]])
def test_an_item_that_is_no_document_is_refused(make: Maker, item: Document) -> None:
    with pytest.raises(ragkit.DataError, match="not a Document"):
        make().fit([DOCUMENTS[0], item])


@EACH
@pytest.mark.parametrize("documents", [None, 3, ragkit.KnowledgeBase])
def test_what_is_no_list_of_documents_is_refused(make: Maker, documents: list[Document]) -> None:
    with pytest.raises(ragkit.DataError, match=r"documents is \w+, not a list. Pass kb\.documents"):
        make().fit(documents)


@EACH
@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (Document("", "eat"), r"documents\[1\]\.doc_id must be a non-empty string"),
        (Document(7, "eat"), r"documents\[1\]\.doc_id must be a non-empty string"),
        (Document("d", None), r"documents\[1\]\.text is NoneType, not a string"),
        (Document("d", "eat", title=None), r"documents\[1\]\.title is NoneType"),
        (Document("d", "\ud800"), r"documents\[1\]\.text is not valid Unicode"),
    ],
    ids=["empty id", "id 7", "no text", "no title", "no Unicode"],
)
def test_a_document_that_cannot_be_held_is_refused_with_its_place(
    make: Maker, document: Document, reason: str
) -> None:
    with pytest.raises(ragkit.DataError, match=reason):
        make().fit([DOCUMENTS[0], document])


@EACH
def test_a_failed_fit_leaves_the_retriever_as_it_was(make: Maker) -> None:
    retriever = make().fit(DOCUMENTS)
    before = retriever.search("eat")
    with pytest.raises(ragkit.DataError):
        retriever.fit([Document("new", "eat"), Document("", "ate")])
    assert retriever.search("eat") == before
    assert list(retriever.documents) == [document.doc_id for document in DOCUMENTS]


@EACH
def test_documents_may_come_from_a_generator(make: Maker) -> None:
    fitted = make().fit(document for document in DOCUMENTS)
    assert fitted.search("eat") == make().fit(DOCUMENTS).search("eat")


@EACH
def test_fitting_again_forgets_the_old_documents(make: Maker) -> None:
    again = make().fit(DOCUMENTS).fit([Document("new", "eat")])
    assert ids(again.search("eat")) == ["new"]
    assert list(again.documents) == ["new"]


@EACH
def test_one_document_is_enough(make: Maker) -> None:
    assert ids(make().fit([Document("only", "eat")]).search("eat")) == ["only"]


@pytest.mark.parametrize("name", ["dense", "maxsim", "bm25"])
def test_the_title_is_searched_too(name: str) -> None:
    titled = MAKERS[name]().fit([Document("d1", "bed"), Document("d2", "wow", title="zebra")])
    assert ids(titled.search("zebra", k=1)) == ["d2"]


# Dense


def test_dense_ranks_by_the_cosine_of_encoder_vectors() -> None:
    vectors, query = LetterEncoder().encode(TEXTS), LetterEncoder().encode("be to")[0]
    cosines = (vectors @ query).tolist()
    hits = dense().search("be to", k=6)
    assert {hit.doc_id: hit.score for hit in hits} == pytest.approx(
        {f"d{number}": cosine for number, cosine in enumerate(cosines)}, abs=1e-6
    )


def test_dense_gives_the_ranking_of_its_index_as_it_is() -> None:
    class Ranked(OwnIndex):
        def search(self, query_vectors: Vectors, k: int) -> tuple[Vectors, np.ndarray]:
            return np.array([[0.5, 0.5, 0.25]], np.float32), np.array([["d2", "d1", "d0"]])

    retriever = ragkit.DenseRetriever(LetterEncoder(), Ranked()).fit(DOCUMENTS)
    expected = [Hit("d2", 0.5, 1), Hit("d1", 0.5, 2), Hit("d0", 0.25, 3)]
    assert retriever.search("eat", 3) == expected
    assert retriever.run([QUERIES[0]], 3) == {"q1": {"d2": 0.5, "d1": 0.5, "d0": 0.25}}


def test_dense_orders_equal_documents_by_id() -> None:
    same = [Document(doc_id, "eat") for doc_id in ("d2", "d10", "d1")]
    assert ids(dense(same).search("tea")) == ["d1", "d10", "d2"]


def test_dense_returns_all_documents_when_k_is_larger() -> None:
    assert len(dense().search("eat", k=1_000)) == len(DOCUMENTS)


def test_dense_fills_the_index_it_is_given() -> None:
    index = ragkit.HNSWIndex(27)
    retriever = ragkit.DenseRetriever(LetterEncoder(), index).fit(DOCUMENTS)
    assert retriever.index is index
    assert len(index) == len(DOCUMENTS)


def test_a_chosen_index_keeps_its_kind_and_settings_when_fitted_again() -> None:
    chosen = {"m": 5, "ef_construction": 40, "ef_search": 77}
    graph = ragkit.HNSWIndex(27, **chosen, fingerprint=LetterEncoder.fingerprint)
    retriever = ragkit.DenseRetriever(LetterEncoder(), graph).fit(DOCUMENTS)
    before = retriever.search("eat")
    retriever.fit(MANY)
    again = retriever.index
    assert type(again) is ragkit.HNSWIndex
    assert (again.settings, again.fingerprint) == (chosen, LetterEncoder.fingerprint)
    assert sorted(again.doc_ids) == [document.doc_id for document in MANY]
    assert retriever.fit(DOCUMENTS).search("eat") == before
    assert len(graph) == len(DOCUMENTS)


def test_an_index_that_is_not_empty_is_refused_at_the_first_fit() -> None:
    full = ragkit.DenseRetriever(LetterEncoder(), ragkit.HNSWIndex(27)).fit(DOCUMENTS).index
    retriever = ragkit.DenseRetriever(LetterEncoder(), full)
    with pytest.raises(ragkit.DataError, match=r"contains 6 vectors.*Pass an empty index"):
        retriever.fit(DOCUMENTS)
    assert (retriever.index, dict(retriever.documents)) == (full, {})


class OwnIndex:
    """An `Index` of the user's own, which says no more than the protocol asks for."""

    dimension = 27

    def __init__(self) -> None:
        self.exact = ragkit.FlatIndex(27)

    def __len__(self) -> int:
        return len(self.exact)

    def add(self, vectors: Vectors, doc_ids: Sequence[str]) -> None:
        self.exact.add(vectors, doc_ids)

    def search(self, query_vectors: Vectors, k: int) -> tuple[Vectors, np.ndarray]:
        return self.exact.search(query_vectors, k)


def test_an_index_of_the_users_own_is_never_replaced_by_another() -> None:
    retriever = ragkit.DenseRetriever(LetterEncoder(), OwnIndex()).fit(DOCUMENTS)
    before, index = retriever.search("eat"), retriever.index
    with pytest.raises(
        ragkit.DataError, match=r"OwnIndex contains 6 vectors and has no empty_copy"
    ):
        retriever.fit(MANY)
    assert retriever.index is index
    assert retriever.search("eat") == before


def test_an_index_of_the_users_own_may_make_an_empty_copy_of_itself() -> None:
    class Copied(OwnIndex):
        def empty_copy(self) -> OwnIndex:
            return Copied()

    retriever = ragkit.DenseRetriever(LetterEncoder(), Copied()).fit(DOCUMENTS).fit(MANY)
    assert isinstance(retriever.index, Copied)
    assert ids(retriever.search("eat")) == ids(dense(MANY).search("eat"))


def test_an_index_set_after_the_first_fit_is_a_chosen_one() -> None:
    retriever = dense()
    retriever.index = ragkit.HNSWIndex(27, m=5)
    assert retriever.fit(MANY).fit(DOCUMENTS).index.settings["m"] == 5


def test_its_own_index_follows_the_encoder() -> None:
    class Halves(LetterEncoder):
        dimension, fingerprint = 13, "letters-13"

        def encode_document(self, texts: Sequence[str], batch_size: int = 32) -> Vectors:
            return unit_rows(super().encode(texts)[:, :13] + 1e-6)

    retriever = dense()
    retriever.encoder = Halves()
    assert retriever.fit(DOCUMENTS).index.dimension == 13


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        (ragkit.HNSWIndex(5), "dimension 5, but letters has 27"),
        (
            ragkit.FlatIndex(27, fingerprint="another"),
            r"another encoder's \(another, not letters-27",
        ),
    ],
    ids=["dimension", "fingerprint"],
)
def test_an_index_of_another_encoder_is_refused_before_anything_is_encoded(
    index: ragkit.Index, reason: str
) -> None:
    class Spy(LetterEncoder):
        def encode_document(self, texts: Sequence[str], batch_size: int = 32) -> Vectors:
            raise AssertionError("the documents were encoded")

    with pytest.raises(ragkit.VectorError, match=reason):
        ragkit.DenseRetriever(Spy(), index).fit(DOCUMENTS)
    assert len(index) == 0


def test_dense_marks_its_own_index_with_the_encoder() -> None:
    assert dense().index.fingerprint == LetterEncoder.fingerprint


def test_an_index_of_another_dimension_is_refused() -> None:
    with pytest.raises(ragkit.VectorError, match="share one dimension"):
        ragkit.DenseRetriever(LetterEncoder(), ragkit.FlatIndex(5)).fit(DOCUMENTS)


def test_an_encoder_that_fails_leaves_dense_as_it_was() -> None:
    retriever = dense()
    before = retriever.search("eat")
    with (
        pytest.raises(ragkit.VectorError, match="row 0 contains NaN"),
        np.errstate(invalid="ignore"),
    ):
        retriever.fit([Document("no letters", "?!")])
    assert retriever.search("eat") == before


def test_dense_takes_documents_and_queries_to_their_own_encoding() -> None:
    class Asymmetric(LetterEncoder):
        def encode_query(self, texts: Sequence[str] | str, batch_size: int = 32) -> Vectors:
            return self.encode([text.replace("x", "w") for text in texts])

    retriever = ragkit.DenseRetriever(Asymmetric()).fit([Document("w", "w"), Document("x", "x")])
    assert ids(retriever.search("x", k=1)) == ["w"]


# MaxSim


def maxsim(*texts: str) -> ragkit.MaxSimRetriever:
    documents = [Document(f"d{number}", text) for number, text in enumerate(texts)]
    return ragkit.MaxSimRetriever(LetterTokens()).fit(documents)


def test_maxsim_gives_the_score_worked_by_hand() -> None:
    found = maxsim("eat", "tea tea", "it", "sun").search("tt e")
    # t, t, blank, e: unit vectors of letters have a cosine of 1 or 0; special tokens do not count
    assert found == [Hit("d1", 4.0, 1), Hit("d0", 3.0, 2), Hit("d2", 2.0, 3), Hit("d3", 0.0, 4)]


def test_maxsim_gives_the_scores_of_einsum() -> None:
    generator = np.random.default_rng(0)
    drawn: dict[str, Vectors] = {}

    class Drawn:
        def token_vectors(self, texts: Sequence[str]) -> list[Vectors]:
            for text in texts:
                size = (len(text) + 2, 5)
                drawn.setdefault(text, generator.normal(size=size).astype(np.float32))
            return [drawn[text] for text in texts]

    documents = [Document(f"d{number}", "x" * (number + 1)) for number in range(9)]
    found = ragkit.MaxSimRetriever(Drawn()).fit(documents).search("query", 9)
    asked, *read = (
        rows[1:-1] / np.linalg.norm(rows[1:-1], axis=1, keepdims=True)
        for rows in (drawn["query"], *(drawn[document.text] for document in documents))
    )
    cosines = [np.einsum("qd,td->qt", asked, rows) for rows in read]
    wanted = {f"d{n}": float(table.max(axis=1).sum()) for n, table in enumerate(cosines)}
    assert {hit.doc_id: hit.score for hit in found} == pytest.approx(wanted, abs=1e-5)


def test_maxsim_orders_equal_documents_by_id() -> None:
    documents = [Document(doc_id, "eat ate") for doc_id in ("b", "a10", "c", "a9")]
    found = ragkit.MaxSimRetriever(LetterTokens()).fit(documents).search("tea")
    assert ids(found) == ["a10", "a9", "b", "c"]


def test_maxsim_puts_a_document_of_no_tokens_last() -> None:
    class NoVowels(LetterTokens):
        def token_vectors(self, texts: Sequence[str]) -> list[Vectors]:
            return super().token_vectors(
                [text.translate(dict.fromkeys(b"aeiou")) for text in texts]
            )

    retriever = ragkit.MaxSimRetriever(NoVowels())
    retriever.fit([Document("a", "eau"), Document("b", "zz"), Document("c", "tt")])
    assert retriever.search("tu") == [Hit("c", 1.0, 1), Hit("b", 0.0, 2), Hit("a", -1.0, 3)]
    assert [hit.score for hit in retriever.search("a")] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("encoder", [LetterEncoder(), LetterTokens, None])
def test_maxsim_refuses_what_has_no_token_vectors(encoder: Any) -> None:
    with pytest.raises(ragkit.DataError, match=r"has no token_vectors\(\)"):
        ragkit.MaxSimRetriever(encoder)


# BM25

BM25_TEXTS = ["the past of eat is ate", "eat eat eat", "the past", "write wrote written"]


def lucene_bm25(query: str, texts: Sequence[str], k1: float = 1.5, b: float = 0.75) -> list[float]:
    """BM25 as Lucene computes it: idf = ln(1 + (N - n + ½) / (n + ½)), no (k1 + 1) factor."""
    bags = [Counter(text.split()) for text in texts]
    average = sum(bag.total() for bag in bags) / len(bags)

    def weight(word: str, bag: Counter[str]) -> float:
        n = sum(word in other for other in bags)
        idf = math.log(1 + (len(bags) - n + 0.5) / (n + 0.5))
        return idf * bag[word] / (bag[word] + k1 * (1 - b + b * bag.total() / average))

    return [sum(weight(word, bag) for word in query.split()) for bag in bags]


def test_bm25_gives_the_score_worked_by_hand() -> None:
    # N = 4, "wrote" in one of them, of 3 words, where the average is 14 / 4 = 3.5 words
    expected = math.log(1 + 3.5 / 1.5) * 1 / (1 + 1.5 * (0.25 + 0.75 * 3 / 3.5))
    [hit] = bm25(*BM25_TEXTS).search("wrote")
    assert (hit.doc_id, hit.rank) == ("d3", 1)
    assert hit.score == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("query", ["eat", "past of eat", "the the past", "eat wrote unheard"])
def test_bm25_gives_the_scores_of_the_lucene_formula(query: str) -> None:
    found = {hit.doc_id: hit.score for hit in bm25(*BM25_TEXTS).search(query)}
    expected = enumerate(lucene_bm25(query, BM25_TEXTS))
    assert found == pytest.approx({f"d{n}": score for n, score in expected if score}, rel=1e-5)


words = st.lists(st.sampled_from(["eat", "ate", "to", "be", "run"]), min_size=1, max_size=6)


@given(texts=st.lists(words.map(" ".join), min_size=1, max_size=6), query=words.map(" ".join))
@settings(max_examples=40, deadline=None)
def test_bm25_ranks_any_texts_by_the_lucene_formula(texts: list[str], query: str) -> None:
    hits = bm25(*texts).search(query)
    expected = {f"d{n}": s for n, s in enumerate(lucene_bm25(query, texts)) if s}
    assert {hit.doc_id: hit.score for hit in hits} == pytest.approx(expected, rel=1e-5)
    assert ids(hits) == [h.doc_id for h in sorted(hits, key=lambda h: (-h.score, h.doc_id))]


def test_bm25_parameters_are_those_given() -> None:
    retriever = ragkit.BM25Retriever(k1=0.9, b=0.4)
    retriever.fit(Document(f"d{n}", text) for n, text in enumerate(BM25_TEXTS))
    expected = lucene_bm25("eat", BM25_TEXTS, k1=0.9, b=0.4)
    assert retriever.search("eat", k=1)[0].score == pytest.approx(max(expected), rel=1e-5)


@pytest.mark.parametrize(
    ("option", "value"),
    [("k1", -0.1), ("k1", math.nan), ("k1", "1.5"), ("b", -0.1), ("b", 1.1), ("b", None)],
)
def test_a_bm25_parameter_out_of_its_range_is_refused(option: str, value: float) -> None:
    with pytest.raises(ragkit.DataError, match=f"{option} must be"):
        ragkit.BM25Retriever(**{option: value})


def test_bm25_returns_only_documents_that_share_a_word() -> None:
    assert set(ids(bm25().search("written ring"))) == {"d1", "d2"}


@pytest.mark.parametrize("query", ["zzz", "?!", "eats"])
def test_bm25_finds_nothing_where_no_word_is_shared(query: str) -> None:
    assert bm25().search(query) == []


def test_bm25_keeps_little_words() -> None:
    assert set(ids(bm25().search("the to a"))) == {"d2", "d3", "d5"}


def test_bm25_orders_equal_documents_by_id() -> None:
    same = [Document(doc_id, "eat") for doc_id in ("d2", "d10", "d1")]
    assert ids(ragkit.BM25Retriever().fit(same).search("eat")) == ["d1", "d10", "d2"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't EAT, he said.", ["don't", "eat", "he", "said"]),
        ("¿Cómo se dice «comió»?", ["cómo", "se", "dice", "comió"]),
        ("'quoted' runner's 2nd", ["quoted", "runner's", "2nd"]),
        ("don’t", ["don’t"]),
        ("...", []),
    ],
)
def test_bm25_words_are_lower_case_runs_with_inner_apostrophes(
    text: str, expected: list[str]
) -> None:
    assert ragkit.BM25Retriever.words(text) == expected


def test_bm25_never_finds_a_document_without_words() -> None:
    assert ids(bm25("?!", "eat").search("eat")) == ["d1"]


def test_bm25_over_documents_without_words_finds_nothing() -> None:
    assert bm25("?!", "...").search("eat") == []


# The random floor


def test_random_order_is_reproducible() -> None:
    first, second = (ragkit.RandomRetriever().fit(MANY) for _ in range(2))
    assert first.run(QUERIES, k=30) == second.run(QUERIES, k=30)


def test_random_order_does_not_depend_on_the_order_of_documents() -> None:
    forward, backward = (ragkit.RandomRetriever().fit(MANY[::step]) for step in (1, -1))
    assert forward.search("eat", k=30) == backward.search("eat", k=30)


def test_random_order_differs_by_seed_and_by_query() -> None:
    one, other = (ragkit.RandomRetriever(seed=seed).fit(MANY) for seed in (1, 2))
    assert ids(one.search("eat", k=30)) != ids(other.search("eat", k=30))
    assert ids(one.search("eat", k=30)) != ids(one.search("ate", k=30))


def test_random_returns_every_document_once() -> None:
    found = ids(ragkit.RandomRetriever().fit(MANY).search("eat", k=100))
    assert sorted(found) == [document.doc_id for document in MANY]


def test_random_puts_each_document_first_equally_often() -> None:
    retriever = ragkit.RandomRetriever().fit(DOCUMENTS)
    firsts = Counter(retriever.search(f"query {n}", k=1)[0].doc_id for n in range(3_000))
    assert all(abs(firsts[document.doc_id] - 500) < 100 for document in DOCUMENTS)


# Fusion


def test_fusion_gives_the_scores_worked_by_hand() -> None:
    fused = ragkit.FusionRetriever(ListRetriever("a", "b", "c"), ListRetriever("c", "a", "d"))
    hits = fused.search("anything")
    assert ids(hits) == ["a", "c", "b", "d"]
    assert [hit.score for hit in hits] == pytest.approx(
        [1 / 61 + 1 / 62, 1 / 63 + 1 / 61, 1 / 62, 1 / 63]
    )


def test_fusion_orders_mirrored_rankings_by_doc_id() -> None:
    fused = ragkit.FusionRetriever(ListRetriever("d2", "d10"), ListRetriever("d10", "d2"))
    assert ids(fused.search("anything")) == ["d10", "d2"]


def test_fusion_uses_the_constant_it_is_given() -> None:
    fused = ragkit.FusionRetriever(ListRetriever("a", "b"), rrf_k=1)
    assert [hit.score for hit in fused.search("anything")] == pytest.approx([1 / 2, 1 / 3])


def test_fusion_sees_only_the_first_depth_of_each() -> None:
    fused = ragkit.FusionRetriever(ListRetriever(*"abc"), ListRetriever(*"cba"), depth=2)
    assert {h.doc_id: h.score for h in fused.search("anything", k=2)} == pytest.approx(
        {"b": 2 / 62, "a": 1 / 61}
    )


def test_the_winner_of_a_fusion_does_not_depend_on_how_many_are_asked_for() -> None:
    fused = ragkit.FusionRetriever(ListRetriever(*"abc"), ListRetriever(*"cbd"), depth=2)
    assert [ids(fused.search("anything", k)) for k in (1, 2, 3, 10)] == [
        ["b"],
        ["b", "a"],
        ["b", "a", "c"],
        ["b", "a", "c"],
    ]


def test_fusion_looks_a_document_up_without_going_through_all() -> None:
    class Unlisted(dict[str, Document]):
        def __iter__(self) -> Iterator[str]:
            raise AssertionError("all documents were listed")

        keys = items = values = __iter__  # type: ignore[assignment]

    retrievers = [ListRetriever("a"), ListRetriever("b")]
    for retriever in retrievers:
        retriever.documents = Unlisted(retriever.documents)
    documents = ragkit.FusionRetriever(*retrievers).documents
    assert (documents["a"].doc_id, documents["b"].doc_id) == ("a", "b")


def test_fusion_holds_the_documents_of_all() -> None:
    fused = ragkit.FusionRetriever(ListRetriever("a", "b"), ListRetriever("b", "c"))
    assert set(fused.documents) == {"a", "b", "c"}


def test_fusion_counts_ranks_and_not_scores() -> None:
    fused = ragkit.reciprocal_rank_fusion([{"a": 1000.0, "b": 999.0}, {"b": -5.0, "a": -9.0}])
    assert fused["a"] == pytest.approx(fused["b"])


def test_fusing_maps_breaks_ties_by_doc_id() -> None:
    fused = ragkit.reciprocal_rank_fusion([{"d2": 0.5, "d10": 0.5}], k=1)
    assert fused == pytest.approx({"d10": 1 / 2, "d2": 1 / 3})


def test_fusing_nothing_gives_nothing() -> None:
    assert ragkit.reciprocal_rank_fusion([]) == ragkit.reciprocal_rank_fusion([{}, {}]) == {}


def test_fusion_of_nothing_is_refused() -> None:
    with pytest.raises(ragkit.DataError, match="at least one retriever"):
        ragkit.FusionRetriever()


@pytest.mark.parametrize("other", [[ListRetriever("a")], LetterEncoder(), None, ListRetriever])
def test_what_is_no_retriever_is_not_fused(other: ragkit.Retriever) -> None:
    with pytest.raises(ragkit.DataError, match=r"retrievers\[1\] is \w+, not a retriever"):
        ragkit.FusionRetriever(ListRetriever("a"), other)


@pytest.mark.parametrize("option", ["rrf_k", "depth"])
def test_a_fusion_option_below_1_is_refused(option: str) -> None:
    with pytest.raises(ragkit.DataError, match=f"{option} must be at least 1"):
        ragkit.FusionRetriever(ListRetriever("a"), **{option: 0})


# Two stages


def shown(depth: int | None, k: int) -> tuple[list[str], list[str]]:
    """What the reranker was shown, and what came out, over the 30 documents of `MANY`."""
    reranker = LengthReranker()
    pipeline = dense(MANY) >> reranker
    found = (pipeline if depth is None else pipeline.with_depth(depth)).search("eat", k=k)
    return reranker.shown[0], ids(found)


@pytest.mark.parametrize("k", [1, 5, 10, 20])
def test_the_reranker_sees_10_candidates_unless_told(k: int) -> None:
    candidates, _ = shown(depth=None, k=k)
    assert candidates == ids(dense(MANY).search("eat", k=10))


@pytest.mark.parametrize("depth", [1, 3, 25, 100])
def test_the_reranker_sees_the_first_depth_of_the_first_stage_in_order(depth: int) -> None:
    candidates, _ = shown(depth=depth, k=2)
    assert candidates == ids(dense(MANY).search("eat", k=depth))


def test_the_candidates_come_out_in_the_order_of_the_reranker() -> None:
    candidates, found = shown(depth=5, k=5)
    assert found == sorted(candidates, reverse=True)  # longer texts have later ids
    assert found != candidates


@pytest.mark.parametrize(("depth", "k", "expected"), [(5, 3, 3), (5, 5, 5), (5, 20, 5)])
def test_no_more_than_k_nor_than_depth_come_out(depth: int, k: int, expected: int) -> None:
    assert len(shown(depth, k)[1]) == expected


def test_a_reranker_cannot_bring_back_what_the_first_stage_missed() -> None:
    candidates, found = shown(depth=5, k=30)
    assert set(found) == set(candidates)


def test_a_depth_beyond_the_documents_shows_them_all() -> None:
    candidates, found = shown(depth=1_000, k=30)
    assert sorted(candidates) == sorted(found) == [document.doc_id for document in MANY]


def test_a_pipeline_checks_its_depth_without_being_frozen() -> None:
    pipeline = ragkit.TwoStageRetriever(dense(), LengthReranker(), np.int64(3))
    assert type(pipeline.depth) is int
    pipeline.depth = 5
    assert len(pipeline.search("eat", 20)) == 5


def test_with_depth_leaves_the_pipeline_as_it_was() -> None:
    pipeline = dense() >> LengthReranker()
    deeper = pipeline.with_depth(50)
    assert (pipeline.depth, deeper.depth) == (10, 50)
    assert deeper.first_stage is pipeline.first_stage


@pytest.mark.parametrize("depth", [0, -1, 1.5, True, None])
def test_a_depth_that_is_no_whole_number_from_1_up_is_refused(depth: int) -> None:
    with pytest.raises(ragkit.DataError, match="depth must be"):
        (dense() >> LengthReranker()).with_depth(depth)
    with pytest.raises(ragkit.DataError, match="depth must be"):
        ragkit.TwoStageRetriever(dense(), LengthReranker(), depth)


def test_the_scores_are_those_of_the_reranker() -> None:
    hits = (dense() >> LengthReranker()).search("eat")
    assert {hit.doc_id: hit.score for hit in hits} == {d.doc_id: len(d.text) for d in DOCUMENTS}


def test_the_reranker_is_given_the_documents_of_the_first_stage() -> None:
    class Spy(LengthReranker):
        def rank(
            self, query: str, documents: Sequence[Document], top_k: int | None = None
        ) -> list[Hit]:
            self.given = (query, list(documents), top_k)
            return []

    spy = Spy()
    (bm25() >> spy).search("ring", k=4)
    assert spy.given == ("ring", [Document("d2", "the ring")], 4)


def test_no_candidates_give_no_hits() -> None:
    assert (bm25() >> LengthReranker()).search("zzz") == []


def test_rerankers_can_be_chained() -> None:
    class ShortFirst(LengthReranker):
        def rank(
            self, query: str, documents: Sequence[Document], top_k: int | None = None
        ) -> list[Hit]:
            order = sorted(documents, key=lambda document: len(document.text))
            return [Hit(d.doc_id, -len(d.text), n) for n, d in enumerate(order[:top_k], start=1)]

    chain = (dense(MANY) >> LengthReranker()).with_depth(20) >> ShortFirst()
    longest = sorted(ids(dense(MANY).search("eat", k=20)), reverse=True)[:10]
    assert ids(chain.search("eat", k=10)) == sorted(longest)


@pytest.mark.parametrize(
    "other", [None, "reranker", 10, LetterEncoder(), ListRetriever("a"), LengthReranker]
)
def test_only_a_reranker_can_follow(other: object) -> None:
    with pytest.raises(TypeError, match=">>"):
        dense() >> other


@pytest.mark.parametrize("encoder", [None, "minilm", LetterEncoder, ListRetriever("a")])
def test_dense_takes_an_encoder_only(encoder: ragkit.Encoder) -> None:
    with pytest.raises(ragkit.DataError, match=r"encoder is \w+, not an encoder"):
        ragkit.DenseRetriever(encoder)
