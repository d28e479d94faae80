"""What lab 02 quotes: ceilings and scores of chunks, unnormalised vectors, the graph's recall."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.chunking import (
    Chunk,
    TokenSpans,
    fixed_token_chunks,
    heading_chunks,
    sentence_chunks,
    to_documents,
)
from ragkit.course.measures.base import Entries, compared, one_query, plain, scored
from ragkit.encoders import MiniLMEncoder
from ragkit.errors import RagkitWarning
from ragkit.evaluation import Report, compare, evaluate
from ragkit.index import FlatIndex, HNSWIndex
from ragkit.kb import Handbook, KnowledgeBase, Query, Span, SpanQuestion, load_handbook, load_kb
from ragkit.retrievers import DenseRetriever, Run
from ragkit.runtime import import_faiss
from ragkit.vectors import Vectors, unit_rows

SIZES = (32, 64, 128, 250)
SEARCHED = (64, 128, 250)  # the ceiling alone rules 32 out
SEEN = 254  # tokens of a text that MiniLM reads: 256 less the two special ones
BUDGET = 512  # tokens handed to a reader, for a comparison at equal length
CHOSEN = "fixed-250"  # the best hit_rate@5 on dev
CHOSEN_IN_BUDGET = "sliding-128"  # the best on dev within the budget
RIVALS = ("headings", "sliding-250", "sentences-250", "sliding-128", "fixed-64")
METRICS = ("hit_rate@1", "hit_rate@5")

TOPICS, VECTORS, QUERIES = 100, (1_000, 10_000, 100_000), 200
LINKS, EF_CONSTRUCTION, WIDTHS = 32, 40, (16, 32, 64, 128, 256)


def measure() -> Entries:
    """Measure every entry of lab 02, with no cache."""
    minilm = MiniLMEncoder()
    dev, test = load_handbook(split="dev"), load_handbook(split="test")
    yield from _limit(dev.text, minilm, [*dev.questions, *test.questions])
    yield from _cut_spans(dev.text, minilm, [*dev.questions, *test.questions])
    yield from _chunking({"dev": dev, "test": test}, minilm)
    yield from _unnormalised(load_kb(split="dev"), minilm)
    yield from _graph()


def token_spans(encoder: MiniLMEncoder) -> TokenSpans:
    """MiniLM's own tokens, as character spans."""
    tokenizer = encoder.sentence_transformer.tokenizer

    def spans(text: str) -> list[Span]:
        encoded = tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        return [Span(start, end) for start, end in encoded["offset_mapping"]]

    return spans


def cut_all(text: str, tokens: TokenSpans) -> dict[str, list[Chunk]]:
    """The handbook cut by every strategy and size, named `sliding-128` and the like."""
    cuts = {"headings": heading_chunks(text)}
    for size in SIZES:
        cuts[f"fixed-{size}"] = fixed_token_chunks(text, size, 0, tokens)
        cuts[f"sliding-{size}"] = fixed_token_chunks(text, size, size // 4, tokens)
        cuts[f"sentences-{size}"] = sentence_chunks(text, size, tokens)
    return cuts


def ceilings(chunks: list[Chunk], questions: list[SpanQuestion]) -> tuple[float, float]:
    """Shares of questions of which some span, and every span, lies whole in some chunk.

    The first bounds the hit-rate from above, whatever searches the chunks.
    """
    held = [[any(c.holds(span) for c in chunks) for span in q.spans] for q in questions]
    return float(np.mean([any(row) for row in held])), float(np.mean([all(row) for row in held]))


def judge(chunks: list[Chunk], questions: list[SpanQuestion]) -> dict[str, dict[str, int]]:
    """Qrels of chunk ids: a chunk that holds a whole span of the question answers it.

    A question that no chunk answers keeps an entry, which no run can find, so that it counts as 0.
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
    """What the encoder's limit hides: of the whole handbook, and of sections."""
    tokens = token_spans(encoder)
    spans = tokens(text)
    reach = spans[SEEN - 1].end
    within = sum(all(span.end <= reach for span in q.spans) for q in questions)
    sections = heading_chunks(text)
    long = [c for c in sections if len(tokens(c.to_document("_").full_text)) > SEEN]
    hidden = sum(any(_out_of_sight(c, q, tokens) for c in long) for q in questions)
    yield "lab02.tokens", plain(len(spans), "MiniLM tokens of the handbook")
    yield "lab02.questions", plain(len(questions), "handbook questions, dev and test")
    yield "lab02.within_limit", plain(within, f"questions answered by the first {SEEN} tokens")
    yield "lab02.sections", plain(len(sections), "sections of the handbook")
    yield "lab02.sections.long", plain(len(long), f"sections of more than {SEEN} tokens")
    yield "lab02.sections.hidden", plain(hidden, "questions with a span past a section's limit")


def _cut_spans(text: str, encoder: MiniLMEncoder, questions: list[SpanQuestion]) -> Entries:
    """How many gold spans windows leave whole, and how many a span laid at random would be."""
    tokens = token_spans(encoder)
    spans = [span for question in questions for span in question.spans]
    lengths = np.array([len(tokens(text[span.start : span.end])) for span in spans])
    yield "lab02.spans", plain(len(spans), "gold spans, dev and test")
    yield "lab02.spans.tokens", plain(float(lengths.mean()), "mean tokens of a gold span")
    yield "lab02.spans.longest", plain(int(lengths.max()), "tokens of the longest gold span")
    for size in SIZES:
        for name, overlap in (("fixed", 0), ("sliding", size // 4)):
            chunks = fixed_token_chunks(text, size, overlap, tokens)
            whole = float(np.mean([any(c.holds(span) for c in chunks) for span in spans]))
            chance = np.clip((size - lengths + 1) / (size - overlap), 0, 1).mean()
            how = f"share of gold spans whole in a window, {name} {size}"
            yield f"lab02.{name}-{size}.whole", plain(whole, how)
            yield f"lab02.{name}-{size}.expected", plain(float(chance), f"{how}, by the formula")


def _out_of_sight(section: Chunk, question: SpanQuestion, tokens: TokenSpans) -> bool:
    """True if a section holds one of the spans, but past what the encoder reads of it."""
    read = section.to_document("_").full_text
    shift = section.start - (len(read) - len(section.text))
    reach = tokens(read)[SEEN - 1].end
    return any(section.holds(span) and span.end - shift > reach for span in question.spans)


def _chunking(books: dict[str, Handbook], encoder: MiniLMEncoder) -> Entries:
    """Ceilings of every cut, scores of the sizes that are searched, the choices on test."""
    tokens = token_spans(encoder)
    cuts = cut_all(books["dev"].text, tokens)
    test: dict[str, Report] = {}
    for name, chunks in cuts.items():
        yield from _bounds(name, chunks, books)
        if name != "headings" and int(name.split("-")[1]) not in SEARCHED:
            continue
        depth = max(1, int(BUDGET / np.mean([len(tokens(chunk.text)) for chunk in chunks])))
        for split, report in _search(chunks, books, encoder, depth).items():
            yield from _scores(f"lab02.{name}.{split}", report, depth)
            if split == "test":
                test[name] = report
    how = "paired difference on the test questions, bootstrap 95% interval, randomisation test"
    for rival in RIVALS:
        found = compare(test[CHOSEN], test[rival], "hit_rate@5")
        yield f"lab02.{CHOSEN}-{rival}.hit_rate@5", compared(found, how)
    found = compare(test[CHOSEN_IN_BUDGET], test[CHOSEN], "budget")
    yield f"lab02.{CHOSEN_IN_BUDGET}-{CHOSEN}.budget", compared(found, f"{how}; {BUDGET} tokens")


def _bounds(name: str, chunks: list[Chunk], books: dict[str, Handbook]) -> Entries:
    """What is known of a cut before anything is searched."""
    words = float(np.mean([len(chunk.text.split()) for chunk in chunks]))
    yield f"lab02.{name}.chunks", plain(len(chunks), f"chunks of {name}")
    yield f"lab02.{name}.words", plain(words, f"mean words of a chunk, {name}")
    for split, book in books.items():
        some, every = ceilings(chunks, book.questions)
        how = f"span of {split} questions whole in a chunk, {name}"
        yield f"lab02.{name}.{split}.ceiling", plain(some, f"share with some {how}")
        yield f"lab02.{name}.{split}.complete", plain(every, f"share with every {how}")


def _scores(key: str, report: Report, depth: int) -> Entries:
    how = "MiniLM over chunks of the handbook; a hit holds a whole gold span"
    for metric in METRICS:
        yield f"{key}.{metric}", scored(report, metric, how)
    how = f"{how}; as many chunks as make {BUDGET} tokens ({depth})"
    yield f"{key}.budget", scored(report, "budget", how)


def _search(
    chunks: list[Chunk], books: dict[str, Handbook], encoder: MiniLMEncoder, depth: int
) -> dict[str, Report]:
    """The chunks encoded once, searched with the questions of each split.

    The metric `budget` is the hit-rate among the first `depth` chunks.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RagkitWarning)  # sections past the limit are the lesson
        retriever = DenseRetriever(encoder).fit(to_documents(chunks))
    reports = {}
    for split, book in books.items():
        run: Run = retriever.run([Query(q.query_id, q.text) for q in book.questions], k=10)
        qrels, within = judge(chunks, book.questions), f"hit_rate@{depth}"
        scores = evaluate(qrels, run, [*METRICS, within]).per_query
        reports[split] = Report({**scores, "budget": scores[within]})
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
            yield f"{key}.hit_rate@5", scored(_report(values, dev), "hit_rate@5", how)
            moved = float((values.argmax(axis=1) != reference).mean())
            how = f"share of dev queries whose first document is not that of the cosine, {form}"
            yield f"{key}.moved", plain(moved, how, tolerance=one_query(len(q)))
    norms = np.linalg.norm(documents, axis=1)
    yield "lab02.norms.shortest", plain(float(norms.min()), "smallest norm of a mean vector")
    yield "lab02.norms.longest", plain(float(norms.max()), "largest norm of a mean vector")


def token_means(encoder: MiniLMEncoder, texts: list[str]) -> tuple[Vectors, NDArray[np.int64]]:
    """The mean token vector of each text before normalising, float32 [n, d], and its tokens [n]."""
    states: Any = encoder.sentence_transformer.encode(texts, output_value="token_embeddings")
    means = np.stack([np.asarray(state).mean(axis=0) for state in states])
    return means, np.array([len(state) for state in states])


def _report(scores: Any, kb: KnowledgeBase) -> Report:
    run = {
        query.query_id: {d.doc_id: float(s) for d, s in zip(kb.documents, row, strict=True)}
        for query, row in zip(kb.queries, scores, strict=True)
    }
    return evaluate(kb.qrels, run, "hit_rate@5")


def clustered(count: int, centres: Vectors, rng: np.random.Generator) -> Vectors:
    """Unit vectors around the centres, float32 [count, d]: a centre plus noise as long as it."""
    width = centres.shape[1]
    noise = rng.standard_normal((count, width), dtype=np.float32) / np.float32(np.sqrt(width))
    return unit_rows(centres[rng.integers(len(centres), size=count)] + noise)


def graph_curves() -> Iterator[tuple[int, int, NDArray[np.float64], float]]:
    """(vectors, efSearch, recall@10 of each query, vectors compared for one query) of HNSW."""
    rng = np.random.default_rng(0)
    centres = unit_rows(rng.standard_normal((TOPICS, 384), dtype=np.float32))
    vectors, queries = clustered(max(VECTORS), centres, rng), clustered(QUERIES, centres, rng)
    statistics = import_faiss().cvar.hnsw_stats
    for count in VECTORS:
        ids = [str(row) for row in range(count)]
        exact = FlatIndex(384)
        exact.add(vectors[:count], ids)
        truth = exact.search(queries, 10)[1].tolist()
        graph = HNSWIndex(384, m=LINKS, ef_construction=EF_CONSTRUCTION)
        graph.add(vectors[:count], ids)
        for width in WIDTHS:
            graph.ef_search = width
            statistics.reset()
            found = graph.search(queries, 10)[1].tolist()
            shared = [len(set(a) & set(b)) for a, b in zip(found, truth, strict=True)]
            yield count, width, np.array(shared) / 10, statistics.ndis / QUERIES


def _graph() -> Entries:
    how = f"HNSW over clustered vectors, M = {LINKS}, efConstruction = {EF_CONSTRUCTION}"
    for count, width, recalls, visited in graph_curves():
        key = f"lab02.hnsw.{count}.ef{width}"
        told = f"recall@10 against flat; {how}"
        yield f"{key}.recall@10", plain(float(recalls.mean()), told, tolerance=0.03)
        told = f"share of queries that find no true neighbour; {how}"
        yield f"{key}.lost", plain(float((recalls == 0).mean()), told, tolerance=0.03)
        told = f"vectors compared for one query; {how}"
        yield f"{key}.compared", plain(visited, told, tolerance=0.1 * visited)
