"""Measure what lab 02 quotes: ceilings and scores of chunks, and unnormalised vectors.

Keys, with `<cut>` either headings or `<strategy>-<size>`: fixed, sliding or sentences, and SIZES:

    lab02.<tokens, questions, within_limit, sections, sections.long or sections.hidden>
    lab02.<spans or spans.tokens>
    lab02.<fixed or sliding>-<size>.<whole or expected>        WINDOWS
    lab02.<cut>.dev.ceiling
    lab02.<cut>.<dev or test>.hit_rate@5                       cuts of SEARCHED sizes
    lab02.<cut>.dev.budget, lab02.<cut>.test.budget            on test IN_BUDGET alone
    lab02.<cut>.dev.over                                       OVER
    lab02.searched.<dev or test>.mean
    lab02.<cut>-<cut>.<hit_rate@5 or budget>
    lab02.<unit, mean or sum>.<ip or l2>.<hit_rate@5 or moved>
    lab02.sum.l2.commonest, lab02.norms.<shortest or longest>
    lab02.hnsw.…                                               see experiments_graph
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.cache.indexes import IndexCache
from ragkit.cache.outputs import EmbeddingCache
from ragkit.course.staff.entries import (
    Entries,
    difference_entry,
    flip_tolerance,
    mean_entry,
    number_entry,
)
from ragkit.course.staff.lab02 import experiments_graph as lab02_graph
from ragkit.documents.chunking import (
    Chunk,
    TokenSpans,
    fixed_token_chunks,
    heading_chunks,
    sentence_chunks,
    to_documents,
)
from ragkit.documents.handbook import Handbook, SpanQuestion, load_handbook
from ragkit.documents.kb import KnowledgeBase, Query, load_kb
from ragkit.documents.spans import Span
from ragkit.encoders import Encoder, MiniLMEncoder
from ragkit.errors import RagkitWarning
from ragkit.scoring.evaluation import Report, compare, evaluate
from ragkit.search.retrievers import DenseRetriever, Run
from ragkit.vectors import Vectors, unit_rows

SIZES = (32, 64, 128, 250)
SEARCHED = (64, 128, 250)  # the ceiling alone rules 32 out
SEEN = 254  # tokens of a text that MiniLM reads: 256 less the two special ones
BUDGET = 512  # tokens for a reader, so that cuts are compared at equal length
CHOSEN = "fixed-250"  # the best hit_rate@5 on dev
CHOSEN_IN_BUDGET = "sliding-128"  # the best on dev within the budget
IN_BUDGET = (CHOSEN, CHOSEN_IN_BUDGET)
RIVALS = ("sliding-250", "fixed-64")  # of the choice, on test
OVER = ("headings", "sentences-64")  # cuts whose chunks often exceed the budget
WINDOWS = (("fixed", SIZES), ("sliding", (64, 128)))


def measure(cache: EmbeddingCache) -> Entries:
    """Measure every entry of lab 02; `cache` gets the chunks' vectors, its folder the graphs."""
    minilm = MiniLMEncoder(backend="auto")
    dev, test = load_handbook(split="dev"), load_handbook(split="test")
    yield from _limit(dev.text, minilm, [*dev.questions, *test.questions])
    yield from _cut_spans(dev.text, minilm, [*dev.questions, *test.questions])
    yield from _chunking({"dev": dev, "test": test}, token_spans(minilm), cache.wrap(minilm))
    yield from _unnormalised(load_kb(split="dev"), minilm)
    yield from lab02_graph.measure(IndexCache(cache.root))


def token_spans(encoder: MiniLMEncoder) -> TokenSpans:
    """MiniLM's own tokens, as character spans."""

    def spans(text: str) -> list[Span]:
        return [place for _, place in encoder.tokens(text)]

    return spans


def cut_all(text: str, tokens: TokenSpans) -> dict[str, list[Chunk]]:
    """The handbook cut by every strategy and size, under names such as `sliding-128`."""
    cuts = {"headings": heading_chunks(text)}
    for size in SIZES:
        cuts[f"fixed-{size}"] = fixed_token_chunks(text, size, 0, tokens)
        cuts[f"sliding-{size}"] = fixed_token_chunks(text, size, size // 4, tokens)
        cuts[f"sentences-{size}"] = sentence_chunks(text, size, tokens)
    return cuts


def ceiling(chunks: list[Chunk], questions: list[SpanQuestion]) -> float:
    """Share of questions with a span that is whole in some chunk.

    It bounds the hit-rate from above, whatever searches the chunks.
    """
    return float(np.mean([any(c.holds(s) for c in chunks for s in q.spans) for q in questions]))


def judge(chunks: list[Chunk], questions: list[SpanQuestion]) -> dict[str, dict[str, int]]:
    """Qrels of chunk ids: a chunk that contains a whole span of the question answers it.

    A question that no chunk answers has an entry that no run can find, so that it counts as 0.
    """
    return {
        question.query_id: {
            document.doc_id: 1
            for document, chunk in zip(to_documents(chunks), chunks, strict=True)
            if any(chunk.holds(span) for span in question.spans)
        }
        or {"cut in two": 1}
        for question in questions
    }


def _limit(text: str, encoder: MiniLMEncoder, questions: list[SpanQuestion]) -> Entries:
    """How much the encoder's limit hides, of the whole handbook and of its sections."""
    tokens = token_spans(encoder)
    spans = tokens(text)
    reach = spans[SEEN - 1].end
    within = sum(all(span.end <= reach for span in q.spans) for q in questions)
    sections = heading_chunks(text)
    long = [c for c in sections if len(tokens(c.to_document("_").full_text)) > SEEN]
    hidden = sum(any(_out_of_sight(c, q, tokens) for c in long) for q in questions)
    yield "lab02.tokens", number_entry(len(spans), "MiniLM tokens of the handbook")
    yield "lab02.questions", number_entry(len(questions), "handbook questions, dev and test")
    yield (
        "lab02.within_limit",
        number_entry(within, f"questions answered by the first {SEEN} tokens"),
    )
    yield "lab02.sections", number_entry(len(sections), "sections of the handbook")
    yield "lab02.sections.long", number_entry(len(long), f"sections of more than {SEEN} tokens")
    yield (
        "lab02.sections.hidden",
        number_entry(hidden, "questions with a span past a section's limit"),
    )


def _cut_spans(text: str, encoder: MiniLMEncoder, questions: list[SpanQuestion]) -> Entries:
    """The share of gold spans that windows leave whole, and that expected of random places."""
    tokens = token_spans(encoder)
    spans = [span for question in questions for span in question.spans]
    lengths = np.array([len(tokens(text[span.start : span.end])) for span in spans])
    yield "lab02.spans", number_entry(len(spans), "gold spans, dev and test")
    yield "lab02.spans.tokens", number_entry(float(lengths.mean()), "mean tokens of a gold span")
    for name, sizes in WINDOWS:
        for size in sizes:
            overlap = size // 4 if name == "sliding" else 0
            chunks = fixed_token_chunks(text, size, overlap, tokens)
            whole = float(np.mean([any(c.holds(span) for c in chunks) for span in spans]))
            chance = np.clip((size - lengths + 1) / (size - overlap), 0, 1).mean()
            how = f"share of gold spans whole in a window, {name} {size}"
            yield f"lab02.{name}-{size}.whole", number_entry(whole, how)
            yield (
                f"lab02.{name}-{size}.expected",
                number_entry(float(chance), f"{how}, by the formula"),
            )


def _out_of_sight(section: Chunk, question: SpanQuestion, tokens: TokenSpans) -> bool:
    """True if a section contains one of the spans, but past what the encoder reads of it."""
    read = section.to_document("_").full_text
    shift = section.start - (len(read) - len(section.text))
    reach = tokens(read)[SEEN - 1].end
    return any(section.holds(span) and span.end - shift > reach for span in question.spans)


def _chunking(books: dict[str, Handbook], tokens: TokenSpans, encoder: Encoder) -> Entries:
    """Ceilings of every cut, scores of the sizes that are searched, and the choices on test."""
    cuts = cut_all(books["dev"].text, tokens)
    found: dict[str, dict[str, Report]] = {split: {} for split in books}
    for name, chunks in cuts.items():
        how = f"share with some span of dev questions whole in a chunk, {name}"
        yield (
            f"lab02.{name}.dev.ceiling",
            number_entry(ceiling(chunks, books["dev"].questions), how),
        )
        if name != "headings" and int(name.split("-")[1]) not in SEARCHED:
            continue
        lengths = [len(tokens(chunk.text)) for chunk in chunks]
        depth = max(1, int(BUDGET / np.mean(lengths)))
        for split, report in _search(chunks, books, encoder, lengths, depth).items():
            yield from _scores(name, split, report, depth)
            found[split][name] = report
    for split, reports in found.items():
        mean = float(np.mean([report.mean["hit_rate@5"] for report in reports.values()]))
        how = f"mean hit_rate@5 of the {len(reports)} cuts that were searched, {split}"
        yield f"lab02.searched.{split}.mean", number_entry(mean, how, tolerance=0.02)
    yield from _choices(found["test"])


def _choices(test: dict[str, Report]) -> Entries:
    """The two choices made on dev against their rivals, on test."""
    how = "paired difference on the test questions, bootstrap 95% interval, randomisation test"
    for rival in RIVALS:
        difference = compare(test[CHOSEN], test[rival], "hit_rate@5")
        yield f"lab02.{CHOSEN}-{rival}.hit_rate@5", difference_entry(difference, how)
    difference = compare(test[CHOSEN_IN_BUDGET], test[CHOSEN], "budget")
    how = f"{how}; {BUDGET} tokens"
    yield f"lab02.{CHOSEN_IN_BUDGET}-{CHOSEN}.budget", difference_entry(difference, how)


def _scores(name: str, split: str, report: Report, depth: int) -> Entries:
    """A cut's hit-rate among five chunks, and among those that make up the budget."""
    how = "MiniLM over chunks of the handbook; a hit holds a whole gold span"
    yield f"lab02.{name}.{split}.hit_rate@5", mean_entry(report, "hit_rate@5", how)
    if split == "dev" or name in IN_BUDGET:
        how = f"{how}; as many chunks as make {BUDGET} tokens ({depth})"
        yield f"lab02.{name}.{split}.budget", mean_entry(report, "budget", how)
    if split == "dev" and name in OVER:
        over = int(report.values("over").sum())
        how = f"questions whose first {depth} chunks have more than {BUDGET} tokens together"
        yield f"lab02.{name}.{split}.over", number_entry(over, how, tolerance=1)


def _search(
    chunks: list[Chunk],
    books: dict[str, Handbook],
    encoder: Encoder,
    lengths: list[int],
    depth: int,
) -> dict[str, Report]:
    """Encode the chunks once, search them with each split's questions, and score that.

    `lengths` are the chunks' tokens. The metric `budget` is the hit-rate among the first `depth`
    chunks; `over` is 1 if these have more than `BUDGET` tokens.
    """
    size = {d.doc_id: n for d, n in zip(to_documents(chunks), lengths, strict=True)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RagkitWarning)  # sections past the limit are the lesson
        retriever = DenseRetriever(encoder).fit(to_documents(chunks))
    reports = {}
    for split, book in books.items():
        run: Run = retriever.run([Query(q.query_id, q.text) for q in book.questions], k=10)
        qrels, within = judge(chunks, book.questions), f"hit_rate@{depth}"
        scores = evaluate(qrels, run, ["hit_rate@5", within]).per_query
        read = {query: sum(size[d] for d in list(row)[:depth]) for query, row in run.items()}
        over = {query: float(tokens > BUDGET) for query, tokens in read.items()}
        reports[split] = Report({**scores, "budget": scores[within], "over": over})
    return reports


def _unnormalised(dev: KnowledgeBase, encoder: MiniLMEncoder) -> Entries:
    """The same texts as unit vectors, mean vectors and sums, ranked by inner product and L2."""
    documents, tokens = token_means(encoder, [d.full_text for d in dev.documents])
    queries, asked = token_means(encoder, [q.text for q in dev.queries])
    forms = {
        "unit": (unit_rows(queries), unit_rows(documents)),
        "mean": (queries, documents),
        "sum": (queries * asked[:, None], documents * tokens[:, None]),
    }
    reference = (forms["unit"][0] @ forms["unit"][1].T).argmax(axis=1)
    for form, (q, d) in forms.items():
        squares = (q**2).sum(axis=1)[:, None] + (d**2).sum(axis=1)[None, :]
        for measure_name, values in {"ip": q @ d.T, "l2": 2 * q @ d.T - squares}.items():
            key = f"lab02.{form}.{measure_name}"
            how = f"{form} vectors of MiniLM ranked by {measure_name}, dev split"
            yield f"{key}.hit_rate@5", mean_entry(_report(values, dev), "hit_rate@5", how)
            first = values.argmax(axis=1)
            moved = float((first != reference).mean())
            how = f"share of dev queries whose first document is not that of the cosine, {form}"
            yield f"{key}.moved", number_entry(moved, how, tolerance=flip_tolerance(len(q)))
            if key == "lab02.sum.l2":
                most = int(np.bincount(first).max())
                how = f"dev queries that the commonest first document comes first for, {form}"
                yield f"{key}.commonest", number_entry(most, how, tolerance=1)
    norms = np.linalg.norm(documents, axis=1)
    yield "lab02.norms.shortest", number_entry(float(norms.min()), "smallest norm of a mean vector")
    yield "lab02.norms.longest", number_entry(float(norms.max()), "largest norm of a mean vector")


def token_means(encoder: MiniLMEncoder, texts: list[str]) -> tuple[Vectors, NDArray[np.int64]]:
    """The mean token vector of each text, float32 [n, d], and its number of tokens, int64 [n]."""
    states = encoder.token_vectors(texts)
    means = np.stack([state.mean(axis=0) for state in states])
    return means, np.array([len(state) for state in states])


def _report(scores: Any, kb: KnowledgeBase) -> Report:
    run = {
        query.query_id: {d.doc_id: float(s) for d, s in zip(kb.documents, row, strict=True)}
        for query, row in zip(kb.queries, scores, strict=True)
    }
    return evaluate(kb.qrels, run, "hit_rate@5")
