"""Lab 01's experiments: token counts, random projections, sister rules, drawn documents."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from scipy.spatial.distance import cosine

from ragkit import MiniGPTEncoder, load_kb
from ragkit.course import ledger
from ragkit.course.staff.lab01 import experiments, twins, words
from ragkit.documents.kb import Document, KnowledgeBase, Query

KB = load_kb()
GPT = MiniGPTEncoder()
TEXTS = [document.full_text for document in KB.documents[:9]]


def base(doc_ids: list[str], qrels: dict[str, dict[str, int]]) -> KnowledgeBase:
    return KnowledgeBase(
        documents=[Document(doc_id, doc_id) for doc_id in doc_ids],
        queries=[Query(query_id, query_id) for query_id in qrels],
        qrels=qrels,
        unjudged=[],
        split="test",
        path=KB.path,
    )


def test_token_counts_are_those_of_a_bag() -> None:
    for text, row in zip(TEXTS, words.token_counts(TEXTS, GPT), strict=True):
        assert {token: row[token] for token in row.nonzero()[0]} == Counter(GPT.token_ids(text))


def test_tf_idf_cosines_are_those_of_a_count_by_hand() -> None:
    counts = words.token_counts(TEXTS, GPT)
    vectors = words.vectors(counts, words.inverse_document_frequency(counts))
    bags = [Counter(GPT.token_ids(text)) for text in TEXTS]
    df = Counter(token for bag in bags for token in bag)
    weighted = [
        [bag[token] * math.log(len(TEXTS) / df[token]) for token in sorted(df)] for bag in bags
    ]
    for i, j in ((0, 1), (2, 7), (4, 4)):
        by_hand = 1 - cosine(weighted[i], weighted[j])
        assert float(vectors[i] @ vectors[j]) == pytest.approx(by_hand, abs=1e-5)


def test_a_random_projection_of_counts_is_the_mean_over_a_random_table() -> None:
    table = GPT.model.table.weight.detach().numpy()
    counts = words.token_counts(TEXTS, GPT)
    projected = words.vectors(counts, lambda rows: rows @ table)
    assert np.abs(projected - GPT.encode(TEXTS)).max() < 1e-5


def test_wider_projections_keep_angles_better() -> None:
    counts = words.token_counts(TEXTS, GPT)
    exact = words.vectors(counts, words.as_they_are)
    errors = []
    for dimension in (16, 4096):
        weigh = words.random_projection(counts.shape[1], dimension, seed=0)
        rows = words.vectors(counts, weigh)
        errors.append(np.abs(rows @ rows.T - exact @ exact.T).mean())
    assert errors[1] < errors[0] / 8  # sqrt(4096 / 16) = 16 on average


def test_each_family_of_the_data_card_has_its_documents() -> None:
    families = [
        sorted(i for i in KB.by_id if i.startswith(prefixes)) for prefixes in twins.FAMILIES
    ]
    assert [len(family) for family in families] == [3, 2, 2, 3, 3, 2]
    assert len({i for family in families for i in family}) == 15


def test_the_lab_has_the_same_families() -> None:
    from ragkit.course.layout import labs

    source = labs()[0].source.read_text(encoding="utf-8")
    inside = source[source.index("FAMILIES = [") :].split("]")[0]
    for prefixes in twins.FAMILIES:
        assert "(" + ", ".join(f'"{p}"' for p in prefixes) in inside
    assert inside.count("(") == len(twins.FAMILIES)


SISTERS = ["irregular-eat-past", "irregular-eat-participle", "irregular-lay", "for-since"]


def test_sisters_that_answer_as_well_are_not_removed() -> None:
    kb = base(SISTERS, {"one": {SISTERS[0]: 1}, "both": dict.fromkeys(SISTERS[:2], 1)})
    assert twins.sisters_of_answers(kb) == {"one": {SISTERS[1]}}


def test_a_document_without_sisters_in_the_base_has_none() -> None:
    kb = base(SISTERS, {"lay": {"irregular-lay": 1}, "for": {"for-since": 1}})
    assert twins.sisters_of_answers(kb) == {}


def test_removing_the_sister_in_front_is_a_hit_and_removing_another_is_not() -> None:
    kb = base(SISTERS, {"one": {SISTERS[0]: 1}})
    rankings = {"one": [SISTERS[1], SISTERS[0], SISTERS[2], SISTERS[3]]}
    for removed, hit in ((set(), 0.0), ({SISTERS[1]}, 1.0), ({SISTERS[3]}, 0.0)):
        assert twins.report_without({"one": removed}, rankings, kb).mean["hit_rate@1"] == hit


def test_the_control_removes_as_many_and_the_nearest() -> None:
    kb = base(SISTERS, {"one": {SISTERS[0]: 1}})
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0.8, 0.6]], dtype=np.float32)
    found = twins.nearest_others({"one": {SISTERS[1]}}, kb, vectors)
    assert found == {"one": {"for-since"}}


def test_chance_is_the_mean_of_many_random_orders() -> None:
    kb = base([f"d{i}" for i in range(9)], {"a": {"d0": 1}, "b": {"d1": 1, "d2": 1}})
    rng = np.random.default_rng(0)
    orders = np.array([rng.permutation(9)[:5] for _ in range(20_000)])
    hits = [(orders == 0).any(axis=1).mean(), np.isin(orders, [1, 2]).any(axis=1).mean()]
    assert experiments.chance_of_hit(kb, 5) == pytest.approx(np.mean(hits), abs=0.01)


def test_drawing_whole_groups_widens_the_interval_if_their_members_agree() -> None:
    alike = [[float(number % 2)] * 8 for number in range(20)]
    mixed = [[0.0, 1.0] * 4 for _ in range(20)]
    low, high = experiments._cluster_interval(alike)
    assert low < 0.35
    assert high > 0.65
    assert experiments._cluster_interval(mixed) == (0.5, 0.5)


def test_the_corrected_p_is_of_the_comparisons_that_the_lab_names() -> None:
    planned = [(better, worse) for better, worse, _ in experiments.PLANNED]
    assert planned == [
        ("minilm", "bm25"),
        ("minigpt-table", "untrained"),
        ("minigpt-hidden", "minigpt-table"),
        ("bge-small", "minilm"),
    ]


def test_the_prose_says_which_rung_is_higher() -> None:
    stored = ledger.load()
    rungs = ["chance", "ladder.counts", "ladder.tfidf", "bm25", "minilm"]
    values = [stored[f"lab01.{rung}.hit_rate@5"]["value"] for rung in rungs]
    assert values == sorted(values)
    assert stored["lab01.minigpt-table-untrained.hit_rate@5"]["interval"][1] < 0
    assert stored["lab01.bge-small-minilm.hit_rate@5"]["value"] < 0
    assert stored["lab01.twins.gain"]["interval"][0] > 0
    low, high = stored["lab01.twins.others"]["interval"]
    assert low < 0 < high
