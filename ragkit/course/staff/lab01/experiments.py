"""Measure what lab 01 quotes: the table of systems, their differences, the shape of the space.

Keys, with `<encoder>` as in `systems.build_encoder` and `<system>` as in `systems.SYSTEMS`:

    lab01.table, lab01.ask                               whole texts
    lab01.<system>[.<kind>].<metric>                     SCORES
    lab01.<system>-<system>.<metric>                     DIFFERENCES
    lab01.holm.bge-small-minilm                          p, corrected for the lab's planned four
    lab01.chance.hit_rate@5
    lab01.bootstrap.documents                            MiniLM, drawing documents
    lab01.minigpt.<parameters, best_step or validation_loss>
    lab01.ladder.<counts, tfidf or projection>.hit_rate@5
    lab01.ladder.counts-untrained.hit_rate@5
    lab01.pooling.<pooling>.hit_rate@5                   dev
    lab01.bge.<prefix-plain, mean-cls or int8>.hit_rate@5    dev
    lab01.topics.<chance, counts, minilm-counts or encoder>
    lab01.twins.<whole, gain or others>[.<kind>]
    lab01.cone.<counts or encoder>.plain
    lab01.spanish.<both, either or questions>
"""

from __future__ import annotations

import json
from math import comb
from typing import Any

import numpy as np

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course.staff.entries import (
    INT8_FLIPS,
    Entries,
    difference_entry,
    flip_tolerance,
    mean_entry,
    number_entry,
)
from ragkit.course.staff.lab01 import twins, words
from ragkit.course.staff.spectra import mean_cosine
from ragkit.course.systems import METRICS, Result, compare_systems
from ragkit.course.tables import hits_text, markdown_table, plain_text
from ragkit.documents.kb import KnowledgeBase, load_kb
from ragkit.encoders import BGESmallEncoder, Encoder, MiniGPTEncoder, MiniLMEncoder
from ragkit.ranking import as_scores, hit_rows
from ragkit.runtime import data_dir
from ragkit.scoring.evaluation import Report, compare, evaluate
from ragkit.scoring.stats import RESAMPLES, Interval, holm
from ragkit.search.index import FlatIndex
from ragkit.search.retrievers import DenseRetriever
from ragkit.vectors import Vectors, unit_rows
from ragkit.weights.published import BGE_SMALL
from ragkit.weights.quantised import QuantisedModel

SCORES = (
    "bm25.hit_rate@5",
    "bm25.near-duplicate.hit_rate@1",
    "bm25.paraphrase.hit_rate@5",
    "minilm.hit_rate@1",
    "minilm.hit_rate@5",
    "minilm.hit_rate@10",
    "minilm.near-duplicate.hit_rate@1",
    "minilm.paraphrase.hit_rate@5",
)
DIFFERENCES = (
    ("minilm", "minigpt-table", "hit_rate@5"),
    ("minilm", "bm25", "hit_rate@5"),
    ("minigpt-table", "untrained", "hit_rate@5"),
    ("minigpt-hidden", "minigpt-table", "hit_rate@5"),
    ("bge-small", "minilm", "hit_rate@5"),
    ("minilm-rerank", "minilm", "hit_rate@1"),
)
PLANNED = DIFFERENCES[1:5]  # the comparisons on test that the lab names beforehand
INT8 = ("bge-small", "minilm-rerank")
METRIC = "hit_rate@5"
WIDE = 1024  # dimensions of a random table; MiniGPT's has 64
SEEDS = range(5)
TWIN_KINDS = ("near-duplicate", "error-correction")


def measure(cache: EmbeddingCache) -> Entries:
    """Measure every entry of lab 01; MiniLM's vectors and all scores go through `cache`."""
    kb, dev = load_kb(), load_kb(split="dev")
    results = list(compare_systems(kb, cache=cache))
    reports = {result.name: result.report for result in results}
    minilm, table = cache.wrap(MiniLMEncoder(backend="auto")), MiniGPTEncoder()
    yield from _systems(results, kb)
    yield from _differences(reports)
    yield from _corrected(reports)
    yield from _chance(kb)
    yield from _documents_drawn(reports["minilm"], kb)
    yield from _minigpt(table)
    yield from _ladder(table, reports["untrained"], kb)
    yield from _pooling(dev)
    yield from _bge(minilm, dev)
    encoders: dict[str, Encoder] = {"minilm": minilm, "minigpt-table": table}
    encoders["untrained"] = MiniGPTEncoder.untrained()
    documents = {name: _documents(encoder, kb) for name, encoder in encoders.items()}
    documents["counts"] = unit_rows(words.token_counts(_texts(kb), table))
    yield from _cone(documents)
    yield from _topics(documents, kb)
    yield from _twins(minilm, kb)
    yield from _same_hits(reports, kb)


def _systems(results: list[Result], kb: KnowledgeBase) -> Entries:
    """The table of `ragkit evaluate`, what `ragkit ask` prints, and single scores of that table."""
    yield "lab01.table", {"text": markdown_table(results, METRICS), "how": "ragkit evaluate"}
    yield "lab01.ask", {"text": _ask(kb), "how": 'ragkit ask "past participle of eat?" --k 2'}
    how = "ragkit evaluate, test split, 95% interval"
    reports = {result.name: result.report for result in results}
    for key in SCORES:
        system, *kind, metric = key.split(".")
        report = reports[system].only(kb.kinds[kind[0]]) if kind else reports[system]
        yield f"lab01.{key}", mean_entry(report, metric, how)


def _ask(kb: KnowledgeBase) -> str:
    """What `ragkit ask` prints, fenced for a page."""
    retriever = DenseRetriever(MiniLMEncoder(backend="auto")).fit(kb.documents)
    found = retriever.search("past participle of eat?", k=2)
    return f"```\n{plain_text(hits_text(found, retriever.documents, 'cosine'))}\n```"


def _differences(reports: dict[str, Report]) -> Entries:
    how = "paired difference on the test split, 95% interval, exact p"
    for better, worse, metric in DIFFERENCES:
        found = compare(reports[better], reports[worse], metric)
        flips = INT8_FLIPS if better in INT8 else 1.5
        yield f"lab01.{better}-{worse}.{metric}", difference_entry(found, how, flips)


def _corrected(reports: dict[str, Report]) -> Entries:
    """The p of the planned comparison that the correction decides."""
    p_values = {
        f"{better}-{worse}": compare(reports[better], reports[worse], metric).p_value
        for better, worse, metric in PLANNED
    }
    how = "exact McNemar p after Holm's correction for the four planned comparisons"
    entry = number_entry(holm(p_values)["bge-small-minilm"], how, tolerance=0.1)
    yield "lab01.holm.bge-small-minilm", entry


def _chance(kb: KnowledgeBase) -> Entries:
    how = "expected hit_rate@5 of a random order, exact, test split"
    yield "lab01.chance.hit_rate@5", number_entry(chance_of_hit(kb, 5), how, tolerance=0.002)


def chance_of_hit(kb: KnowledgeBase, k: int) -> float:
    """The hit rate at k that a random order has on average over all orders."""
    n = len(kb.documents)
    missed = [comb(n - len(judged), k) / comb(n, k) for judged in kb.qrels.values()]
    return 1 - float(np.mean(missed))


def _documents_drawn(report: Report, kb: KnowledgeBase) -> Entries:
    """MiniLM's hit rate with the interval that drawing answers, not questions, gives."""
    groups: dict[str, list[float]] = {}
    for query_id, hit in report.per_query[METRIC].items():
        groups.setdefault(min(kb.qrels[query_id]), []).append(hit)
    yield (
        "lab01.bootstrap.documents",
        {
            "value": report.mean[METRIC],
            "interval": _cluster_interval(list(groups.values())),
            "n": len(groups),
            "tolerance": flip_tolerance(len(report.query_ids)),
            "how": "bootstrap 95% interval, drawing documents with all their questions",
        },
    )


def _cluster_interval(groups: list[list[float]]) -> Interval:
    """Percentile interval of the mean over all scores when whole groups are drawn."""
    sums, sizes = np.array([sum(g) for g in groups]), np.array([len(g) for g in groups])
    drawn = np.random.default_rng(0).integers(len(groups), size=(RESAMPLES, len(groups)))
    low, high = np.quantile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def _minigpt(encoder: MiniGPTEncoder) -> Entries:
    """Size and loss of the committed checkpoint."""
    loss = json.loads((data_dir() / "minigpt" / "loss.json").read_text(encoding="utf-8"))
    best = min(loss["curve"], key=lambda point: point["validation"])
    how = "ragkit train-minigpt, loss.json"
    yield (
        "lab01.minigpt.parameters",
        number_entry(encoder.model.parameter_count, "count of weights"),
    )
    yield "lab01.minigpt.best_step", number_entry(best["step"], how)
    yield "lab01.minigpt.validation_loss", number_entry(best["validation"], how)


def _ladder(table: MiniGPTEncoder, untrained: Report, kb: KnowledgeBase) -> Entries:
    """The rungs between a random table and BM25: the counts, weighted, and projected."""
    documents = words.token_counts(_texts(kb), table)
    questions = words.token_counts([query.text for query in kb.queries], table)

    def score(weigh: words.Weighting) -> Report:
        return vector_report(words.vectors(documents, weigh), words.vectors(questions, weigh), kb)

    counts = score(words.as_they_are)
    tfidf = score(words.inverse_document_frequency(documents))
    how = "cosine of token counts, MiniGPT's tokenizer, test split"
    yield f"lab01.ladder.counts.{METRIC}", mean_entry(counts, METRIC, how)
    yield f"lab01.ladder.tfidf.{METRIC}", mean_entry(tfidf, METRIC, f"{how}, times log(n / df)")
    how = "token counts minus the untrained table, test split, paired"
    difference = compare(counts, untrained, METRIC)
    yield f"lab01.ladder.counts-untrained.{METRIC}", difference_entry(difference, how)
    wide = [score(words.random_projection(documents.shape[1], WIDE, seed)) for seed in SEEDS]
    mean = float(np.mean([report.mean[METRIC] for report in wide]))
    how = f"mean over {len(SEEDS)} random tables of {WIDE} dimensions, test split"
    yield f"lab01.ladder.projection.{METRIC}", number_entry(mean, how, tolerance=0.01)


def _pooling(dev: KnowledgeBase) -> Entries:
    for pooling in ("mean", "cls", "max"):
        report = dense_report(MiniLMEncoder(pooling=pooling), dev)
        how = f"MiniLM with {pooling} pooling, dev split"
        yield f"lab01.pooling.{pooling}.hit_rate@5", mean_entry(report, "hit_rate@5", how)


def _bge(minilm: Encoder, dev: KnowledgeBase) -> Entries:
    """What the prefix and the pooling do to bge-small, and what int8 costs MiniLM, on dev."""
    with_prefix, plain = BGESmallEncoder(), BGESmallEncoder(prompt=None)
    prefixed, documents = dense_report(with_prefix, dev), _texts(dev)
    questions = [with_prefix.prompt + query.text for query in dev.queries]
    averaged = vector_report(_bge_mean(documents), _bge_mean(questions), dev)
    int8 = dense_report(MiniLMEncoder(backend="onnx-int8"), dev)
    pairs = {
        "prefix-plain": (prefixed, dense_report(plain, dev)),
        "mean-cls": (averaged, prefixed),
        "int8": (int8, dense_report(minilm, dev)),
    }
    for name, (one, other) in pairs.items():
        how = f"{name} of bge-small, dev split, paired"
        if name == "int8":
            how = "MiniLM int8 minus float32, dev split, paired"
        entry = difference_entry(compare(one, other, METRIC), how, INT8_FLIPS)
        yield f"lab01.bge.{name}.{METRIC}", entry


def _bge_mean(texts: list[str]) -> Vectors:
    """bge-small pooled by the mean over all its tokens, in which it was not trained."""
    model = QuantisedModel(BGE_SMALL, BGESmallEncoder.max_length)
    states = model.outputs("last_hidden_state", texts)
    return unit_rows(np.stack([rows.mean(axis=0) for rows in states]))


def _cone(documents: dict[str, Vectors]) -> Entries:
    """How narrow the cone of the document vectors is."""
    for name, rows in documents.items():
        how = "mean cosine of all pairs of documents"
        yield f"lab01.cone.{name}.plain", number_entry(mean_cosine(rows), how)


def _topics(documents: dict[str, Vectors], kb: KnowledgeBase) -> Entries:
    """Whether neighbours share a topic, for the encoders and for what needs no encoder."""
    topics = np.array([document.topic for document in kb.documents])
    how = "chance of a neighbour of the same topic"
    yield "lab01.topics.chance", number_entry(_chance_of_topic(topics), how)
    reports = {name: _topic_report(rows, topics) for name, rows in documents.items()}
    how = "share of documents whose nearest neighbour has the same topic, Wilson's interval"
    for name, report in reports.items():
        yield f"lab01.topics.{name}", mean_entry(report, "topic", how)
    how = "MiniLM minus token counts, paired by document"
    difference = compare(reports["minilm"], reports["counts"], "topic")
    yield "lab01.topics.minilm-counts", difference_entry(difference, how)


def _topic_report(rows: Vectors, topics: Any) -> Report:
    """1 for each document whose nearest neighbour has its topic, else 0."""
    same = (topics[_neighbours(rows)] == topics).astype(float)
    return Report({"topic": {str(number): hit for number, hit in enumerate(same.tolist())}})


def _twins(minilm: Encoder, kb: KnowledgeBase) -> Entries:
    """What deleting the sister documents changes, and what deleting as many others does."""
    rankings = DenseRetriever(minilm).fit(kb.documents).run(kb.queries, k=len(kb.documents))
    orders = {query_id: list(scores) for query_id, scores in rankings.items()}
    removed = twins.sisters_of_answers(kb)
    others = twins.nearest_others(removed, kb, _documents(minilm, kb))
    nothing: twins.Sets = {query_id: set() for query_id in removed}
    reports = {
        name: twins.report_without(without, orders, kb)
        for name, without in {"whole": nothing, "gain": removed, "others": others}.items()
    }
    for kind in ("", *TWIN_KINDS):
        ids = [i for i in kb.kinds.get(kind, kb.qrels) if i in removed]
        suffix = f".{kind}" if kind else ""
        one = {name: report.only(ids) for name, report in reports.items()}
        how = "MiniLM's hit_rate@1 on questions whose answer has sisters, test split"
        yield f"lab01.twins.whole{suffix}", mean_entry(one["whole"], "hit_rate@1", how)
        how = "the same without the sisters, minus with them, paired"
        difference = compare(one["gain"], one["whole"], "hit_rate@1")
        yield f"lab01.twins.gain{suffix}", difference_entry(difference, how)
    how = "the same with as many others deleted, those nearest to the answer, paired"
    difference = compare(reports["others"], reports["whole"], "hit_rate@1")
    yield "lab01.twins.others", difference_entry(difference, how)


def _same_hits(reports: dict[str, Report], kb: KnowledgeBase) -> Entries:
    """How many Spanish questions both BM25 and MiniLM answer, and how many at least one does."""
    ids = kb.kinds["spanish"]
    found = [
        {query_id for query_id in ids if reports[name].per_query[METRIC][query_id]}
        for name in ("bm25", "minilm")
    ]
    how = "Spanish test questions with a hit among the first five"
    yield "lab01.spanish.both", number_entry(len(found[0] & found[1]), how, tolerance=1)
    yield "lab01.spanish.either", number_entry(len(found[0] | found[1]), how, tolerance=1)
    yield "lab01.spanish.questions", number_entry(len(ids), "Spanish test questions")


def _texts(kb: KnowledgeBase) -> list[str]:
    return [document.full_text for document in kb.documents]


def _documents(encoder: Encoder, kb: KnowledgeBase) -> Vectors:
    """Unit vectors of all documents, float32 [n, d]."""
    return encoder.encode_document(_texts(kb))


def _neighbours(unit: Vectors) -> Any:
    """Row number of each row's nearest other row, int [n]."""
    return np.where(np.eye(len(unit), dtype=bool), -1, unit @ unit.T).argmax(axis=1)


def _chance_of_topic(topics: Any) -> float:
    sizes = np.array([(topics == topic).sum() for topic in topics])
    return float(((sizes - 1) / (len(topics) - 1)).mean())


def dense_report(encoder: Encoder, kb: KnowledgeBase) -> Report:
    """Score dense retrieval with an encoder: hit_rate@5."""
    run = DenseRetriever(encoder).fit(kb.documents).run(kb.queries)
    return evaluate(kb.qrels, run, ["hit_rate@5"])


def vector_report(documents: Vectors, queries: Vectors, kb: KnowledgeBase) -> Report:
    """Score the search for these query vectors among these document vectors: hit_rate@5."""
    index = FlatIndex(documents.shape[1])
    index.add(documents, [document.doc_id for document in kb.documents])
    found = hit_rows(*index.search(queries, 10))
    run = {q.query_id: as_scores(hits) for q, hits in zip(kb.queries, found, strict=True)}
    return evaluate(kb.qrels, run, ["hit_rate@5"])
