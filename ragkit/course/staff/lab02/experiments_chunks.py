"""Measure what lab 02 quotes of chunking: what a cut leaves whole, what a search finds, the choice.

Everything is explored on the dev questions; test has the comparisons of PLANNED alone. Keys, with
`<cut>` either headings or `<strategy>-<size>` (fixed, sliding or sentences):

    lab02.overlap
    lab02.<cut or quarter-64>.<whole or expected>              WINDOWS
    lab02.<cut or quarter-64>.dev.ceiling
    lab02.<cut>.dev.<hit_rate@5 or budget>                     cuts of SEARCHED sizes
    lab02.overlap-64.dev, lab02.arm.<limit, heading, shift-128 or shift-250>
    lab02.detectable.dev, lab02.choice.<again, drop or drop.all>
    lab02.chosen.test, lab02.planned.<overlap, rival or budget>
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course.staff.entries import Entries, difference_entry, mean_entry, number_entry
from ragkit.documents.chunking import (
    Chunk,
    TokenSpans,
    fixed_token_chunks,
    heading_chunks,
    sentence_chunks,
    to_documents,
)
from ragkit.documents.handbook import Handbook, SpanQuestion
from ragkit.documents.kb import Query
from ragkit.documents.spans import Span
from ragkit.encoders import Encoder, MiniLMEncoder
from ragkit.errors import RagkitWarning
from ragkit.scoring.evaluation import Report, compare, evaluate
from ragkit.scoring.stats import holm
from ragkit.search.retrievers import DenseRetriever

SIZES = (32, 64, 128, 250)
SEARCHED = (64, 128, 250)  # the ceiling alone rules 32 out
BUDGET = 512  # tokens for a reader, so that cuts are compared at equal length
TRAINED = 128  # tokens that MiniLM was trained with, by its model card
RESAMPLES = 1000
CHOSEN = "sentences-250"  # the best hit_rate@5 on dev, the fewest words among equals
CHOSEN_IN_BUDGET = "sliding-64"  # the same within the budget
PLANNED = {  # named in the lab before the test questions are looked at
    "overlap": ("sliding-64", "fixed-64", "hit_rate@5"),
    "rival": (CHOSEN, "sliding-250", "hit_rate@5"),
    "budget": (CHOSEN_IN_BUDGET, CHOSEN, "budget"),
}


class Search(NamedTuple):
    """One cut, the encoder that reads it, and how many of its chunks make up the budget."""

    chunks: list[Chunk]
    encoder: Encoder
    depth: int

    def reports(self, books: Mapping[str, Handbook]) -> dict[str, Report]:
        """Encode the chunks once and score each split's questions: `hit_rate@5` and `budget`."""
        documents = to_documents(self.chunks)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RagkitWarning)  # chunks past the limit are the lesson
            retriever = DenseRetriever(self.encoder).fit(documents)
        within = f"hit_rate@{self.depth}"
        reports = {}
        for split, book in books.items():
            run = retriever.run([Query(q.query_id, q.text) for q in book.questions], k=10)
            qrels = judge(self.chunks, book.questions)
            scores = evaluate(qrels, run, ["hit_rate@5", within]).per_query
            reports[split] = Report({**scores, "budget": scores[within]})
        return reports


def measure(books: Mapping[str, Handbook], minilm: MiniLMEncoder, cache: EmbeddingCache) -> Entries:
    """Measure every entry on chunking; `cache` gets the vectors."""
    text, tokens = books["dev"].text, token_spans(minilm)
    overlap = answer_overlap(books["dev"], tokens)
    cuts = cut_all(text, tokens, overlap)
    how = "tokens of overlap that leave 95% of the dev answers whole"
    yield "lab02.overlap", number_entry(overlap, how)
    yield from _cut_spans(books, tokens, overlap)
    yield from _ceilings({**cuts, **quarter(text, tokens)}, books["dev"].questions)
    encoder = cache.wrap(minilm)
    searches = {
        name: Search(chunks, encoder, _depth(chunks, tokens))
        for name, chunks in cuts.items()
        if not name.endswith("-32")
    }
    found = {name: search.reports(books) for name, search in searches.items()}
    dev = {name: reports["dev"] for name, reports in found.items()}
    for name, report in dev.items():
        yield from _scores(name, report, searches[name].depth)
    limited = cache.wrap(MiniLMEncoder(backend="auto", max_length=TRAINED))
    yield from _arms(text, tokens, {"dev": books["dev"]}, searches, dev, limited)
    words = {name: float(np.mean([len(c.text.split()) for c in cuts[name]])) for name in dev}
    yield from _choice(dev, words)
    yield from _on_test({name: reports["test"] for name, reports in found.items()})


def token_spans(encoder: MiniLMEncoder) -> TokenSpans:
    """MiniLM's own tokens, as character spans."""

    def spans(text: str) -> list[Span]:
        return [place for _, place in encoder.tokens(text)]

    return spans


def answer_overlap(book: Handbook, tokens: TokenSpans) -> int:
    """The overlap that leaves 95% of the book's answers whole: one of L tokens needs L - 1."""
    lengths = [len(tokens(book.text[s.start : s.end])) for q in book.questions for s in q.spans]
    return int(np.ceil(np.quantile(lengths, 0.95))) - 1


def cut_all(text: str, tokens: TokenSpans, overlap: int) -> dict[str, list[Chunk]]:
    """The handbook cut by every strategy and size, under names such as `sliding-128`."""
    cuts = {"headings": heading_chunks(text)}
    for size in SIZES:
        cuts[f"fixed-{size}"] = fixed_token_chunks(text, size, 0, tokens)
        if overlap < size:
            cuts[f"sliding-{size}"] = fixed_token_chunks(text, size, overlap, tokens)
        cuts[f"sentences-{size}"] = sentence_chunks(text, size, tokens)
    return cuts


def quarter(text: str, tokens: TokenSpans) -> dict[str, list[Chunk]]:
    """Windows of 64 tokens that repeat a quarter, a customary share, whatever the answers are."""
    return {"quarter-64": fixed_token_chunks(text, 64, 16, tokens)}


def shifted(
    text: str, tokens: TokenSpans, size: int, overlap: int, by: int | None = None
) -> list[Chunk]:
    """Sliding windows with every border moved on by half a step, or `by` tokens.

    The first window ends where the second begins plus the overlap, so no token is lost.
    """
    spans = tokens(text)
    by = (size - overlap) // 2 if by is None else by
    first, later = spans[by + overlap - 1].end, spans[by].start
    windows = fixed_token_chunks(text[later:], size, overlap, tokens)
    moved = [replace(c, start=c.start + later, end=c.end + later) for c in windows]
    return [Chunk(text[spans[0].start : first], spans[0].start, first), *moved]


def with_headings(chunks: list[Chunk], sections: list[Chunk]) -> list[Chunk]:
    """The same chunks, each titled by the section in which it begins."""
    return [
        replace(chunk, heading=[s for s in sections if s.start <= chunk.start][-1].heading)
        for chunk in chunks
    ]


def ceiling(chunks: list[Chunk], questions: list[SpanQuestion]) -> float:
    """Share of questions with a span that is whole in some chunk.

    It bounds the hit rate from above, whatever searches the chunks.
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


def winner(scores: Mapping[str, float], words: Mapping[str, float]) -> str:
    """The rule of the lab: the highest score, and among equals the fewest words in a chunk."""
    return max(scores, key=lambda name: (scores[name], -words[name]))


def _cut_spans(books: Mapping[str, Handbook], tokens: TokenSpans, overlap: int) -> Entries:
    """The share of gold spans that windows leave whole, and that expected of random places."""
    text = books["dev"].text
    spans = [s for book in books.values() for question in book.questions for s in question.spans]
    lengths = np.array([len(tokens(text[span.start : span.end])) for span in spans])
    yield "lab02.spans", number_entry(len(spans), "gold spans, dev and test")
    yield "lab02.spans.tokens", number_entry(float(lengths.mean()), "mean tokens of a gold span")
    windows = {f"fixed-{size}": (size, 0) for size in SIZES}
    windows |= {"quarter-64": (64, 16), "sliding-64": (64, overlap)}
    for name, (size, repeated) in windows.items():
        chunks = fixed_token_chunks(text, size, repeated, tokens)
        whole = float(np.mean([any(c.holds(span) for c in chunks) for span in spans]))
        chance = np.clip((size - lengths + 1) / (size - repeated), 0, 1).mean()
        how = f"share of gold spans whole in a window, {name}"
        yield f"lab02.{name}.whole", number_entry(whole, how)
        yield f"lab02.{name}.expected", number_entry(float(chance), f"{how}, by the formula")


def _ceilings(cuts: Mapping[str, list[Chunk]], questions: list[SpanQuestion]) -> Entries:
    for name, chunks in cuts.items():
        how = f"share with some span of dev questions whole in a chunk, {name}"
        yield f"lab02.{name}.dev.ceiling", number_entry(ceiling(chunks, questions), how)


def _depth(chunks: list[Chunk], tokens: TokenSpans) -> int:
    """How many chunks of mean length make up the budget, at least one."""
    return max(1, int(BUDGET / np.mean([len(tokens(chunk.text)) for chunk in chunks])))


def _scores(name: str, report: Report, depth: int) -> Entries:
    """A cut's hit rate among five chunks, and among those that make up the budget."""
    how = "MiniLM over chunks of the handbook; a hit holds a whole gold span"
    yield f"lab02.{name}.dev.hit_rate@5", mean_entry(report, "hit_rate@5", how)
    how = f"{how}; as many chunks as make {BUDGET} tokens ({depth})"
    yield f"lab02.{name}.dev.budget", mean_entry(report, "budget", how)


def _arms(
    text: str,
    tokens: TokenSpans,
    books: Mapping[str, Handbook],
    searches: Mapping[str, Search],
    dev: Mapping[str, Report],
    limited: Encoder,
) -> Entries:
    """One thing changed at a time: what is read, what stands in front, where the borders lie."""
    overlap = answer_overlap(books["dev"], tokens)
    base = searches["sentences-128"]
    headed = with_headings(base.chunks, searches["headings"].chunks)
    arms = {
        "limit": ("sentences-250", searches["sentences-250"]._replace(encoder=limited)),
        "heading": ("sentences-128", base._replace(chunks=headed)),
    }
    for size in (128, 250):
        moved = shifted(text, tokens, size, overlap)
        arms[f"shift-{size}"] = (
            f"sliding-{size}",
            searches[f"sliding-{size}"]._replace(chunks=moved),
        )
    for name, (cut, search) in arms.items():
        difference = compare(search.reports(books)["dev"], dev[cut], "hit_rate@5")
        yield f"lab02.arm.{name}", difference_entry(difference, f"{name} minus plain {cut}, dev")
    gained = compare(dev["sliding-64"], dev["fixed-64"], "hit_rate@5")
    how = "windows of 64 tokens, with an overlap minus without, dev"
    yield "lab02.overlap-64.dev", difference_entry(gained, how)


def _choice(dev: Mapping[str, Report], words: Mapping[str, float]) -> Entries:
    """What the dev questions could tell apart, and how much of the choice is luck."""
    seen = [compare(dev[a], dev[b], "hit_rate@5").detectable for a, b in combinations(dev, 2)]
    how = "median over pairs of cuts of the difference that 24 dev questions show with 80% power"
    yield "lab02.detectable.dev", number_entry(float(np.median(seen)), how, tolerance=0.03)
    scores = np.array([report.values("hit_rate@5") for report in dev.values()])
    again, drop, drop_all = resampled_choice(scores, list(words.values()))
    how = f"{RESAMPLES} resamples of the dev questions"
    yield "lab02.choice.again", number_entry(again, f"share that choose the same cut; {how}", 0.1)
    how = f"{how}: on the questions drawn minus on those left out"
    yield "lab02.choice.drop", number_entry(drop, f"hit_rate@5 of the chosen cut; {how}", 0.03)
    yield "lab02.choice.drop.all", number_entry(drop_all, f"of all cuts; {how}", 0.03)


def resampled_choice(
    scores: NDArray[np.float64], words: list[float], resamples: int = RESAMPLES
) -> tuple[float, float, float]:
    """Choose a cut on resamples of the questions, and try it on those that were not drawn.

    `scores` is float [cuts, questions]. Returns the share of resamples that choose what all
    questions choose, and the mean fall from the questions drawn to those left out, of the chosen
    cut and of all cuts.
    """
    rng, cuts, questions = np.random.default_rng(0), range(len(scores)), scores.shape[1]

    def best(means: NDArray[np.float64]) -> int:
        return max(cuts, key=lambda cut: (round(float(means[cut]), 9), -words[cut]))

    usual, same, falls, falls_all = best(scores.mean(axis=1)), 0, [], []
    for _ in range(resamples):
        drawn = rng.integers(questions, size=questions)
        left = np.setdiff1d(np.arange(questions), drawn)
        inside = scores[:, drawn].mean(axis=1)
        fall = inside - scores[:, left].mean(axis=1)
        chosen = best(inside)
        same += chosen == usual
        falls.append(fall[chosen])
        falls_all.append(fall.mean())
    return same / resamples, float(np.mean(falls)), float(np.mean(falls_all))


def _on_test(test: Mapping[str, Report]) -> Entries:
    """The chosen cut, and the planned comparisons with their p-values adjusted by Holm."""
    how = "MiniLM over chunks of the handbook; a hit holds a whole gold span"
    yield "lab02.chosen.test", mean_entry(test[CHOSEN], "hit_rate@5", f"{how}; {CHOSEN}")
    found = {name: compare(test[a], test[b], metric) for name, (a, b, metric) in PLANNED.items()}
    adjusted = holm({name: comparison.p_value for name, comparison in found.items()})
    for name, (a, b, metric) in PLANNED.items():
        how = f"{a} minus {b}, {metric} on test; p adjusted by Holm for {len(PLANNED)}"
        entry = difference_entry(found[name], how)
        yield f"lab02.planned.{name}", {**entry, "p": adjusted[name]}
