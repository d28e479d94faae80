"""Measure what lab 02 quotes: what the encoder's limit hides, and vectors that are not normalised.

Keys:

    lab02.<tokens, questions, within_limit, sections, sections.long or sections.hidden>
    lab02.<unit, mean or sum>.<ip or l2>.<hit_rate@5 or moved>
    lab02.sum.l2.<commonest or commonest.place>, lab02.norms.<shortest or longest>
    …                                         see experiments_chunks and experiments_graph
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course.staff.entries import Entries, flip_tolerance, mean_entry, number_entry
from ragkit.course.staff.lab02 import experiments_chunks, experiments_graph
from ragkit.course.staff.lab02.experiments_chunks import token_spans
from ragkit.documents.chunking import Chunk, TokenSpans, heading_chunks
from ragkit.documents.handbook import SpanQuestion, load_handbook
from ragkit.documents.kb import KnowledgeBase, load_kb
from ragkit.encoders import MiniLMEncoder
from ragkit.scoring.evaluation import Report, evaluate
from ragkit.vectors import Vectors, unit_rows

SEEN = 254  # tokens of a text that MiniLM reads: 256 less the two special ones


def measure(cache: EmbeddingCache) -> Entries:
    """Measure every entry of lab 02; `cache` gets the vectors of texts."""
    yield from _about_texts(cache)
    minilm = MiniLMEncoder(backend="auto")
    yield from experiments_graph.measure(cache.wrap(minilm), token_spans(minilm))


def sample(cache: EmbeddingCache) -> Entries:
    """Measure all but the largest graphs and those of several seeds."""
    yield from _about_texts(cache)
    minilm = MiniLMEncoder(backend="auto")
    yield from experiments_graph.sample(cache.wrap(minilm), token_spans(minilm))


def _about_texts(cache: EmbeddingCache) -> Entries:
    minilm = MiniLMEncoder(backend="auto")
    books = {split: load_handbook(split=split) for split in ("dev", "test")}
    text, questions = books["dev"].text, [q for book in books.values() for q in book.questions]
    yield from _limit(text, minilm, questions)
    yield from experiments_chunks.measure(books, minilm, cache)
    yield from _unnormalised(load_kb(split="dev"), minilm)


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


def _out_of_sight(section: Chunk, question: SpanQuestion, tokens: TokenSpans) -> bool:
    """True if a section contains one of the spans, but past what the encoder reads of it."""
    read = section.to_document("_").full_text
    shift = section.start - (len(read) - len(section.text))
    reach = tokens(read)[SEEN - 1].end
    return any(section.holds(span) and span.end - shift > reach for span in question.spans)


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
                lengths = np.linalg.norm(d, axis=1)
                place = int((lengths < lengths[np.bincount(first).argmax()]).sum()) + 1
                how = "place of that document by the length of its sum, 1 for the shortest"
                yield f"{key}.commonest.place", number_entry(place, how)
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
