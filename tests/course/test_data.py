"""What the dataset card states, checked on the files themselves."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from typing import Any

import pytest
from conftest import ROOT

import ragkit

VERB_GRAMMAR = ROOT / "data" / "verb_grammar"
KINDS = {
    "lexical",
    "paraphrase",
    "near-duplicate",
    "error-correction",
    "situational",
    "spanish",
    "out-of-scope",
}


def records(name: str) -> list[dict[str, Any]]:
    text = (VERB_GRAMMAR / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def words(text: str) -> list[str]:
    return re.findall(r"\w+(?:['’]\w+)*", text.lower())


def runs(text: str, length: int) -> set[tuple[str, ...]]:
    """Every run of `length` consecutive words."""
    found = words(text)
    return {tuple(found[i : i + length]) for i in range(len(found) - length + 1)}


@pytest.fixture(scope="module")
def both() -> tuple[ragkit.KnowledgeBase, ragkit.KnowledgeBase]:
    return ragkit.load_kb(split="dev"), ragkit.load_kb(split="test")


@pytest.fixture(scope="module")
def minigpt_corpus() -> list[str]:
    text = (ROOT / "data" / "minigpt" / "corpus.txt").read_text(encoding="utf-8")
    return text.splitlines()


@pytest.fixture(scope="module")
def card() -> str:
    return (VERB_GRAMMAR / "README.md").read_text(encoding="utf-8")


def test_there_are_48_to_56_documents_of_one_to_three_sentences(kb: ragkit.KnowledgeBase) -> None:
    assert 48 <= len(kb.documents) <= 56
    for document in kb.documents:
        outside_quotes = re.sub(r'"[^"]*"', "x", document.text)
        assert 1 <= len(re.findall(r"[.!?](?:\s|$)", outside_quotes)) <= 3, document.doc_id
        assert document.title
        assert document.topic


def test_there_are_at_least_240_queries_of_seven_kinds() -> None:
    queries = records("queries.jsonl")
    assert len(queries) >= 240
    assert {query["kind"] for query in queries} == KINDS


def test_every_document_answers_at_least_three_queries(
    both: tuple[ragkit.KnowledgeBase, ragkit.KnowledgeBase],
) -> None:
    golds = Counter(doc_id for kb in both for judged in kb.qrels.values() for doc_id in judged)
    assert {document.doc_id for document in both[0].documents} == golds.keys()
    assert min(golds.values()) >= 3


def test_splits_are_disjoint_and_cover_what_is_in_scope(
    both: tuple[ragkit.KnowledgeBase, ragkit.KnowledgeBase],
) -> None:
    dev, test = (set(kb.qrels) for kb in both)
    in_scope = {q["_id"] for q in records("queries.jsonl") if q["kind"] != "out-of-scope"}
    assert not dev & test
    assert dev | test == in_scope
    assert {q.query_id for q in both[0].unjudged}.isdisjoint(in_scope)


def test_every_kind_but_out_of_scope_is_in_both_splits(
    both: tuple[ragkit.KnowledgeBase, ragkit.KnowledgeBase],
) -> None:
    for kb in both:
        assert set(kb.kinds) == KINDS - {"out-of-scope"}


def test_judgements_are_binary(
    both: tuple[ragkit.KnowledgeBase, ragkit.KnowledgeBase],
) -> None:
    assert {r for kb in both for judged in kb.qrels.values() for r in judged.values()} == {1}


def test_no_text_is_used_twice(kb: ragkit.KnowledgeBase, minigpt_corpus: list[str]) -> None:
    handbook_questions = [q["text"] for q in records("handbook_queries.jsonl")]
    queries = [q["text"] for q in records("queries.jsonl")]
    documents = [document.text for document in kb.documents]
    texts = [" ".join(words(t)) for t in [*documents, *queries, *handbook_questions]]
    texts += [" ".join(words(line)) for line in minigpt_corpus]
    assert not [text for text, count in Counter(texts).items() if count > 1]


def test_minigpt_corpus_holds_no_run_of_six_words_of_a_document_or_query(
    kb: ragkit.KnowledgeBase, minigpt_corpus: list[str]
) -> None:
    reserved: set[tuple[str, ...]] = set()
    for text in [
        *(d.full_text for d in kb.documents),
        *(q["text"] for q in records("queries.jsonl")),
    ]:
        reserved |= runs(text, 6)
    shared = [line for line in minigpt_corpus if runs(line, 6) & reserved]
    assert not shared


def test_no_query_but_lexical_copies_four_words_of_its_answer(
    both: tuple[ragkit.KnowledgeBase, ragkit.KnowledgeBase],
) -> None:
    copied = [
        (query.query_id, doc_id)
        for kb in both
        for query in kb.queries
        if query.kind != "lexical"
        for doc_id in kb.qrels[query.query_id]
        if runs(query.text, 4) & runs(kb.by_id[doc_id].full_text, 4)
    ]
    assert not copied


def test_handbook_shares_no_run_of_seven_words_with_a_document(kb: ragkit.KnowledgeBase) -> None:
    handbook = ragkit.load_handbook()
    reserved = set().union(*(runs(document.full_text, 7) for document in kb.documents))
    assert not runs(handbook.text, 7) & reserved


def test_handbook_has_3000_to_5000_words() -> None:
    assert 3000 <= len(ragkit.load_handbook().text.split()) <= 5000


def test_every_span_quotes_the_handbook() -> None:
    handbook = ragkit.load_handbook().text
    for question in records("handbook_queries.jsonl"):
        for span in question["spans"]:
            assert handbook[span["start"] : span["end"]] == span["text"], question["_id"]


def test_spans_of_one_question_do_not_overlap() -> None:
    for split in ("dev", "test"):
        for question in ragkit.load_handbook(split=split).questions:
            for first, second in combinations(question.spans, 2):
                assert first.overlap(second) == 0, question.query_id


def test_no_handbook_question_copies_four_words_of_its_answer() -> None:
    handbook = ragkit.load_handbook()
    for split in ("dev", "test"):
        for question in ragkit.load_handbook(split=split).questions:
            for span in question.spans:
                answer = handbook.text[span.start : span.end]
                assert not runs(question.text, 4) & runs(answer, 4), question.query_id


def test_minigpt_corpus_has_about_500_different_sentences(minigpt_corpus: list[str]) -> None:
    assert 480 <= len(minigpt_corpus) == len(set(minigpt_corpus)) <= 540
    assert all(line == line.strip() and line for line in minigpt_corpus)


def readings() -> dict[str, list[set[str]]]:
    """The answers that the two readers gave each query, and those added later."""
    lines = (VERB_GRAMMAR / "readings.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = (line.split("\t") for line in lines)
    return {query: [set(ids.split(",")) - {""} for ids in cells] for query, *cells in rows}


def test_every_judgement_was_made_by_one_of_the_two_readers_or_is_listed_as_added(
    both: tuple[ragkit.KnowledgeBase, ragkit.KnowledgeBase],
) -> None:
    assert list(readings()) == [query["_id"] for query in records("queries.jsonl")]
    for kb in both:
        for query_id, judged in kb.qrels.items():
            first, second, added = readings()[query_id]
            assert not added & (first | second), query_id
            assert added | (first & second) <= judged.keys() <= first | second | added, query_id


def test_card_states_the_counts_of_the_files(
    card: str, both: tuple[ragkit.KnowledgeBase, ragkit.KnowledgeBase], minigpt_corpus: list[str]
) -> None:
    dev, test = both
    stated = {
        name: int(number.replace(",", ""))
        for name, number in re.findall(r"^\| ([^|]+?) \| ([\d,]+) \|$", card, re.M)
    }
    kinds = Counter(query["kind"] for query in records("queries.jsonl"))
    golds = [len(judged) for kb in both for judged in kb.qrels.values()]
    measured = {
        "documents": len(dev.documents),
        "topics": len({document.topic for document in dev.documents}),
        "queries": sum(kinds.values()),
        "dev queries": len(dev.queries),
        "test queries": len(test.queries),
        "judgements": sum(golds),
        "queries with more than one answer": sum(count > 1 for count in golds),
        "handbook words": len(ragkit.load_handbook().text.split()),
        "handbook questions": len(records("handbook_queries.jsonl")),
        "handbook dev questions": len(ragkit.load_handbook(split="dev").questions),
        "handbook test questions": len(ragkit.load_handbook().questions),
        "MiniGPT sentences": len(minigpt_corpus),
        **{f"{kind} queries": count for kind, count in kinds.items()},
        "queries with exactly the same answers": sum(a == b for a, b, _ in readings().values()),
        "queries with an answer in common, or with none in both": sum(
            bool(a & b) or a == b for a, b, _ in readings().values()
        ),
    }
    assert stated == measured


def test_committed_checkpoint_is_at_most_3_megabytes() -> None:
    assert (ROOT / "data" / "minigpt" / "model.safetensors").stat().st_size <= 3_000_000
