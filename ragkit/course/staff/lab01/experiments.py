"""Measure what lab 01 quotes: the table of systems, their differences, the shape of the space.

Keys, with `<encoder>` as in `systems.build_encoder` and `<system>` as in `systems.SYSTEMS`:

    lab01.table, lab01.ask                            whole texts
    lab01.<system>[.<kind>].<metric>                  SCORES
    lab01.<system>-<system>.<metric>                  DIFFERENCES
    lab01.untrained.seeds.<lowest or highest>
    lab01.minigpt.<parameters, best_step or validation_loss>
    lab01.twins.<word>-<word>, lab01.twins.all
    lab01.pooling.<pooling>.hit_rate@5
    lab01.topics.<chance or encoder>
    lab01.cone.<encoder>.<plain or whitened>
    lab01.hub.minigpt-table
    lab01.whitening.<encoder>.hit_rate@5
    lab01.whitened-table-untrained.hit_rate@5
    lab01.spanish.<both, either or questions>
"""

from __future__ import annotations

import json
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
from ragkit.course.systems import METRICS, Result, compare_systems
from ragkit.course.tables import hits_text, markdown_table, plain_text
from ragkit.documents.kb import KnowledgeBase, load_kb
from ragkit.encoders import Encoder, MiniGPTEncoder, MiniLMEncoder
from ragkit.encoders.whitening import Whitening
from ragkit.minigpt.corpus import training_sentences
from ragkit.ranking import as_scores, hit_rows
from ragkit.runtime import data_dir
from ragkit.scoring.evaluation import Report, compare, evaluate
from ragkit.search.index import FlatIndex
from ragkit.search.retrievers import DenseRetriever
from ragkit.vectors import Vectors

SCORES = (
    "bm25.hit_rate@5",
    "bm25.error-correction.hit_rate@5",
    "bm25.near-duplicate.hit_rate@1",
    "bm25.paraphrase.hit_rate@5",
    "bm25.situational.hit_rate@5",
    "minigpt-table.hit_rate@5",
    "minilm.hit_rate@1",
    "minilm.hit_rate@5",
    "minilm.hit_rate@10",
    "minilm.error-correction.hit_rate@5",
    "minilm.near-duplicate.hit_rate@1",
    "minilm.near-duplicate.hit_rate@5",
    "minilm.paraphrase.hit_rate@5",
    "minilm.situational.hit_rate@5",
)
DIFFERENCES = (
    ("minilm", "minigpt-table", "hit_rate@5"),
    ("minilm", "bm25", "hit_rate@5"),
    ("minigpt-table", "untrained", "hit_rate@5"),
    ("minigpt-hidden", "minigpt-table", "hit_rate@5"),
    ("minilm-rerank", "minilm", "hit_rate@1"),
    ("minilm-rerank", "minilm", "hit_rate@5"),
)
TRAINED = ("minilm", "minigpt-table")
TWINS = (("spoken", "written"), ("must", "should"))
METRIC = "hit_rate@5"
SEEDS = range(1, 6)  # 0 is the control of the table


def measure(cache: EmbeddingCache) -> Entries:
    """Measure every entry of lab 01; MiniLM's vectors and all scores go through `cache`."""
    kb, dev = load_kb(), load_kb(split="dev")
    results = list(compare_systems(kb, cache=cache))
    minilm, table = cache.wrap(MiniLMEncoder(backend="auto")), MiniGPTEncoder()
    yield from _systems(results, kb)
    yield from _differences({r.name: r.report for r in results})
    yield from _untrained_seeds(kb)
    yield from _minigpt(table)
    yield from _token_twins(table)
    yield from _pooling(dev)
    encoders: dict[str, Encoder] = {"minilm": minilm, "minigpt-table": table}
    encoders["untrained"] = MiniGPTEncoder.untrained()
    yield from _space(encoders, kb)
    yield from _hub(table, kb)
    yield from _whitened(encoders, kb)
    yield from _same_hits({r.name: r.report for r in results}, kb)


def _systems(results: list[Result], kb: KnowledgeBase) -> Entries:
    """The table of `ragkit evaluate`, what `ragkit ask` prints, and single scores of that table."""
    yield "lab01.table", {"text": markdown_table(results, METRICS), "how": "ragkit evaluate"}
    yield "lab01.ask", {"text": _ask(kb), "how": 'ragkit ask "past participle of eat?" --k 2'}
    how = "ragkit evaluate, test split, bootstrap 95% interval"
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
    how = "paired difference on the test split, bootstrap 95% interval, randomisation test"
    for better, worse, metric in DIFFERENCES:
        found = compare(reports[better], reports[worse], metric)
        flips = INT8_FLIPS if better == "minilm-rerank" else 1.5
        yield f"lab01.{better}-{worse}.{metric}", difference_entry(found, how, flips)


def _untrained_seeds(kb: KnowledgeBase) -> Entries:
    """The control again, with other random tables: was its score one lucky draw?"""
    scores = [dense_report(MiniGPTEncoder.untrained(seed=seed), kb).mean[METRIC] for seed in SEEDS]
    how = f"hit_rate@5 on test over {len(SEEDS)} random tables"
    for name, value in (("lowest", min(scores)), ("highest", max(scores))):
        entry = number_entry(value, how, tolerance=flip_tolerance(len(kb.queries)))
        yield f"lab01.untrained.seeds.{name}", entry


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


def _token_twins(encoder: MiniGPTEncoder) -> Entries:
    """Cosine of two rows of the trained table, and the mean over all pairs of rows."""
    rows = encoder.model.table.weight.detach().numpy()
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    for first, second in TWINS:
        a, b = (encoder.tokenizer.token_to_id(f"Ġ{word}") for word in (first, second))
        how = f"cosine of the table's rows for {first!r} and {second!r}"
        yield f"lab01.twins.{first}-{second}", number_entry(float(unit[a] @ unit[b]), how)
    yield (
        "lab01.twins.all",
        number_entry(mean_cosine(unit), "mean cosine of all pairs of table rows"),
    )


def _pooling(dev: KnowledgeBase) -> Entries:
    for pooling in ("mean", "cls", "max"):
        report = dense_report(MiniLMEncoder(pooling=pooling), dev)
        how = f"MiniLM with {pooling} pooling, dev split"
        yield f"lab01.pooling.{pooling}.hit_rate@5", mean_entry(report, "hit_rate@5", how)


def _space(encoders: dict[str, Encoder], kb: KnowledgeBase) -> Entries:
    """How narrow the cone of vectors is, and whether neighbours share a topic."""
    topics = np.array([document.topic for document in kb.documents])
    yield (
        "lab01.topics.chance",
        number_entry(_chance(topics), "chance of a neighbour of the same topic"),
    )
    for name, encoder in encoders.items():
        rows = encoder.encode_document([document.full_text for document in kb.documents])
        how = "mean cosine of all pairs of documents"
        yield f"lab01.cone.{name}.plain", number_entry(mean_cosine(rows), how)
        if name in TRAINED:
            purity = float((topics[_neighbours(rows)] == topics).mean())
            how = "share of documents whose nearest neighbour has the same topic"
            yield f"lab01.topics.{name}", number_entry(purity, how, tolerance=1.5 / len(rows))


def _hub(encoder: MiniGPTEncoder, kb: KnowledgeBase) -> Entries:
    """How often the most frequent first document comes first."""
    rows, questions = _vectors(encoder, kb)
    first = (questions @ rows.T).argmax(axis=1)
    how = "test questions for which the commonest first document comes first"
    yield "lab01.hub.minigpt-table", number_entry(int(np.bincount(first).max()), how, tolerance=2)


def _whitened(encoders: dict[str, Encoder], kb: KnowledgeBase) -> Entries:
    """What whitening, fitted on the MiniGPT corpus, does to the cone and to the search."""
    corpus, after = training_sentences(), {}
    for name in TRAINED:
        encoder = encoders[name]
        whiten = Whitening.fit(encoder.encode(corpus))
        rows, queries = _vectors(encoder, kb)
        how = "mean cosine of all pairs of documents, whitened"
        yield f"lab01.cone.{name}.whitened", number_entry(mean_cosine(whiten(rows)), how)
        before = vector_report(rows, queries, kb)
        after[name] = vector_report(whiten(rows), whiten(queries), kb)
        how = "whitened minus plain, test split, paired"
        difference = compare(after[name], before, METRIC)
        yield f"lab01.whitening.{name}.hit_rate@5", difference_entry(difference, how)
    untrained = vector_report(*_vectors(encoders["untrained"], kb), kb)
    how = "whitened trained table minus plain untrained table, test split, paired"
    difference = compare(after["minigpt-table"], untrained, METRIC)
    yield "lab01.whitened-table-untrained.hit_rate@5", difference_entry(difference, how)


def _vectors(encoder: Encoder, kb: KnowledgeBase) -> tuple[Vectors, Vectors]:
    """Unit vectors of all documents and of all questions, float32 [n, d] and [q, d]."""
    documents = encoder.encode_document([document.full_text for document in kb.documents])
    return documents, encoder.encode_query([query.text for query in kb.queries])


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


def mean_cosine(unit: Vectors) -> float:
    """Mean cosine over all pairs of different unit rows, float32 [n, d]."""
    return float((unit @ unit.T)[np.triu_indices(len(unit), k=1)].mean())


def _neighbours(unit: Vectors) -> Any:
    """Row number of each row's nearest other row, int [n]."""
    return np.where(np.eye(len(unit), dtype=bool), -1, unit @ unit.T).argmax(axis=1)


def _chance(topics: Any) -> float:
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
