"""What lab 01 quotes: the table of systems, its differences, and the shape of the space."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np

from ragkit.cache.outputs import EmbeddingCache
from ragkit.cli.console import show_hits
from ragkit.course.staff.entries import Entries, compared, one_query, plain, scored
from ragkit.course.systems import METRICS, Result, build_system, compare_systems, separation
from ragkit.course.tables import markdown_table
from ragkit.documents.kb import KnowledgeBase, load_kb
from ragkit.encoders import Encoder, MiniGPTEncoder, MiniLMEncoder
from ragkit.encoders.whitening import Whitening
from ragkit.minigpt.corpus import training_sentences
from ragkit.ranking import as_scores, hits
from ragkit.runtime import data_dir
from ragkit.scoring.evaluation import Report, compare, evaluate
from ragkit.search.index import FlatIndex
from ragkit.search.retrievers import DenseRetriever
from ragkit.vectors import Vectors

DIFFERENCES = (
    ("minilm", "minigpt-table"),
    ("minilm", "bm25"),
    ("minigpt-table", "untrained"),
    ("minigpt-hidden", "minigpt-table"),
    ("minilm-rerank", "minilm"),
)
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
    yield from _out_of_scope(kb, cache)
    yield from _untrained_seeds(kb)
    yield from _minigpt(table)
    yield from _token_twins(table)
    yield from _pooling(dev)
    encoders: dict[str, Encoder] = {"minilm": minilm, "minigpt-table": table}
    encoders["untrained"] = MiniGPTEncoder.untrained()
    yield from _space(encoders, kb)
    yield from _whitened(encoders, kb)
    yield from _same_hits({r.name: r.report for r in results}, kb)


def _systems(results: list[Result], kb: KnowledgeBase) -> Entries:
    """The table of `ragkit evaluate`, overall and by kind."""
    how = "ragkit evaluate, test split, bootstrap 95% interval"
    yield "lab01.table", {"text": markdown_table(results, METRICS), "how": "ragkit evaluate"}
    yield "lab01.ask", {"text": _ask(kb), "how": 'ragkit ask "past participle of eat?" --k 2'}
    for result in results:
        for metric in METRICS:
            yield f"lab01.{result.name}.{metric}", scored(result.report, metric, how)
        for kind, ids in kb.kinds.items():
            part = result.report.only(ids)
            for metric in ("hit_rate@1", "hit_rate@5"):
                yield f"lab01.{result.name}.{kind}.{metric}", scored(part, metric, how)


def _ask(kb: KnowledgeBase) -> str:
    """What `ragkit ask` prints, fenced for a page."""
    retriever = DenseRetriever(MiniLMEncoder(backend="auto")).fit(kb.documents)
    with redirect_stdout(StringIO()) as printed:
        show_hits(retriever.search("past participle of eat?", k=2), retriever.documents, "cosine")
    lines = (line.rstrip() for line in printed.getvalue().strip().splitlines())
    return "\n".join(["```", *lines, "```"])


def _differences(reports: dict[str, Report]) -> Entries:
    how = "paired difference on the test split, bootstrap 95% interval, randomisation test"
    for better, worse in DIFFERENCES:
        for metric in METRICS:
            found = compare(reports[better], reports[worse], metric)
            yield f"lab01.{better}-{worse}.{metric}", compared(found, how)


def _out_of_scope(kb: KnowledgeBase, cache: EmbeddingCache) -> Entries:
    how = "ROC area of the top score, test against out-of-scope queries"
    for name in ("bm25", "minilm"):
        area = separation(build_system(name, kb, cache), kb.queries, kb.unjudged)
        yield f"lab01.{name}.out_of_scope_auc", {**plain(area, how), "n": len(kb.unjudged)}


def _untrained_seeds(kb: KnowledgeBase) -> Entries:
    """The control again with other random tables: is its score one lucky draw?"""
    scores = [dense_report(MiniGPTEncoder.untrained(seed=seed), kb).mean[METRIC] for seed in SEEDS]
    how = f"hit_rate@5 on test over {len(SEEDS)} random tables"
    for name, value in (("lowest", min(scores)), ("highest", max(scores))):
        yield (
            f"lab01.untrained.seeds.{name}",
            plain(value, how, tolerance=one_query(len(kb.queries))),
        )


def _minigpt(encoder: MiniGPTEncoder) -> Entries:
    """Size and loss of the committed checkpoint."""
    loss = json.loads((data_dir() / "minigpt" / "loss.json").read_text(encoding="utf-8"))
    best = min(loss["curve"], key=lambda point: point["validation"])
    how = "ragkit train-minigpt, loss.json"
    yield "lab01.minigpt.parameters", plain(encoder.model.parameter_count, "count of weights")
    yield "lab01.minigpt.best_step", plain(best["step"], how)
    yield "lab01.minigpt.validation_loss", plain(best["validation"], how)


def _token_twins(encoder: MiniGPTEncoder) -> Entries:
    """Cosine of two rows of the trained table, and the mean over all pairs of rows."""
    rows = encoder.model.table.weight.detach().numpy()
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    for first, second in TWINS:
        a, b = (encoder.tokenizer.token_to_id(f"Ġ{word}") for word in (first, second))
        how = f"cosine of the table's rows for {first!r} and {second!r}"
        yield f"lab01.twins.{first}-{second}", plain(float(unit[a] @ unit[b]), how)
    yield "lab01.twins.all", plain(mean_cosine(unit), "mean cosine of all pairs of table rows")


def _pooling(dev: KnowledgeBase) -> Entries:
    for pooling in ("mean", "cls", "max"):
        report = dense_report(MiniLMEncoder(pooling=pooling), dev)
        how = f"MiniLM with {pooling} pooling, dev split"
        yield f"lab01.pooling.{pooling}.hit_rate@5", scored(report, "hit_rate@5", how)


def _space(encoders: dict[str, Encoder], kb: KnowledgeBase) -> Entries:
    """Topics, the cone, and the document that comes first most often."""
    topics = np.array([document.topic for document in kb.documents])
    yield "lab01.topics.chance", plain(_chance(topics), "chance of a neighbour of the same topic")
    for name, encoder in encoders.items():
        rows = encoder.encode_document([document.full_text for document in kb.documents])
        purity = float((topics[_neighbours(rows)] == topics).mean())
        how = "share of documents whose nearest neighbour has the same topic"
        yield f"lab01.topics.{name}", plain(purity, how, tolerance=1.5 / len(rows))
        how = "mean cosine of all pairs of documents"
        yield f"lab01.cone.{name}.plain", plain(mean_cosine(rows), how)
        first = (encoder.encode_query([q.text for q in kb.queries]) @ rows.T).argmax(axis=1)
        how = "test questions for which the commonest first document comes first"
        yield f"lab01.hub.{name}", plain(int(np.bincount(first).max()), how, tolerance=2)


def _whitened(encoders: dict[str, Encoder], kb: KnowledgeBase) -> Entries:
    """What whitening, fitted on the MiniGPT corpus, does to the cone and to the search."""
    corpus = training_sentences()
    reports = {}
    for name, encoder in encoders.items():
        whiten = Whitening.fit(encoder.encode(corpus))
        rows = encoder.encode_document([document.full_text for document in kb.documents])
        queries = encoder.encode_query([query.text for query in kb.queries])
        how = "mean cosine of all pairs of documents, whitened"
        yield f"lab01.cone.{name}.whitened", plain(mean_cosine(whiten(rows)), how)
        before = vector_report(rows, queries, kb)
        after = vector_report(whiten(rows), whiten(queries), kb)
        reports[name] = {"plain": before, "whitened": after}
        yield f"lab01.whitened.{name}.{METRIC}", scored(after, METRIC, "whitened, test split")
        how = "whitened minus plain, test split, paired"
        yield f"lab01.whitening.{name}.{METRIC}", compared(compare(after, before, METRIC), how)
    found = compare(reports["minigpt-table"]["whitened"], reports["untrained"]["plain"], METRIC)
    how = "whitened trained table minus plain untrained table, test split, paired"
    yield f"lab01.whitened-table-untrained.{METRIC}", compared(found, how)


def _same_hits(reports: dict[str, Report], kb: KnowledgeBase) -> Entries:
    """How many Spanish questions BM25 and MiniLM both find, and how many at least one of them."""
    ids = kb.kinds["spanish"]
    found = [
        {query_id for query_id in ids if reports[name].per_query[METRIC][query_id]}
        for name in ("bm25", "minilm")
    ]
    how = "Spanish test questions with a hit among the first five"
    yield "lab01.spanish.both", plain(len(found[0] & found[1]), how, tolerance=1)
    yield "lab01.spanish.either", plain(len(found[0] | found[1]), how, tolerance=1)
    yield "lab01.spanish.questions", plain(len(ids), "Spanish test questions")


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
    """Score dense retrieval with an encoder: hit_rate@1 and @5."""
    run = DenseRetriever(encoder).fit(kb.documents).run(kb.queries)
    return evaluate(kb.qrels, run, ["hit_rate@1", "hit_rate@5"])


def vector_report(documents: Vectors, queries: Vectors, kb: KnowledgeBase) -> Report:
    """Score the search of these query vectors among these document vectors."""
    index = FlatIndex(documents.shape[1])
    index.add(documents, [document.doc_id for document in kb.documents])
    scores, ids = index.search(queries, 10)
    run = {
        query.query_id: as_scores(hits(zip(row_ids, row_scores, strict=True)))
        for query, row_ids, row_scores in zip(
            kb.queries, ids.tolist(), scores.tolist(), strict=True
        )
    }
    return evaluate(kb.qrels, run, ["hit_rate@5"])
