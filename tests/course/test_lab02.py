"""Lab 02: the library answers its exercises, wrong drills get a reason, measures hold together."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from ragkit.course import check, ledger
from ragkit.course.staff.exercise import Exercise
from ragkit.course.staff.lab02 import experiments_chunks as chunks
from ragkit.course.staff.lab02 import experiments_graph as graphs
from ragkit.course.staff.spectra import effective_dimensions
from ragkit.course.synthetic import even_topics, like_texts
from ragkit.documents.chunking import Chunk, fixed_token_chunks, heading_chunks, word_spans
from ragkit.documents.handbook import Handbook, SpanQuestion, load_handbook
from ragkit.documents.spans import Span
from ragkit.encoders import MiniLMEncoder
from ragkit.vectors import unit_rows


def library_windows(count: int, size: int, overlap: int) -> Any:
    text = " ".join("abcdefghij"[n % 10] for n in range(count))
    chunks = fixed_token_chunks(text, size, overlap, word_spans)
    return [(c.start // 2, (c.end + 1) // 2) for c in chunks]


def span_coverage(chunks: Any, spans: Any) -> Any:
    pieces = [Span(*map(int, chunk)) for chunk in chunks]
    answers = [Span(*map(int, span)) for span in spans]
    return [max(a.overlap(p) for p in pieces) / (a.end - a.start) for a in answers]


@pytest.mark.parametrize(
    ("exercise", "function"),
    [
        (check.sliding_window, library_windows),
        (check.answer_coverage, span_coverage),
    ],
)
def test_the_library_gives_the_right_answers(exercise: Exercise, function: Callable) -> None:
    assert exercise.judge(function).status == "correct"


def question(*spans: tuple[int, int]) -> SpanQuestion:
    return SpanQuestion("q", "?", tuple(Span(*span) for span in spans))


def test_a_chunk_answers_if_it_holds_a_whole_span() -> None:
    cut = fixed_token_chunks("a b c d", 2)
    assert chunks.judge(cut, [question((0, 3))]) == {"q": {"chunk-0000": 1}}
    assert chunks.judge(cut, [question((2, 5), (6, 7))]) == {"q": {"chunk-0001": 1}}


def test_a_question_whose_answer_was_cut_stays_judged() -> None:
    qrels = chunks.judge(fixed_token_chunks("a b c d", 2), [question((2, 5))])
    assert qrels["q"]
    assert not any(doc_id.startswith("chunk-") for doc_id in qrels["q"])


def test_the_ceiling_counts_questions_with_some_span_whole() -> None:
    cut = fixed_token_chunks("a b c d", 2)
    asked = [question((0, 3)), question((2, 5)), question((0, 1), (2, 5)), question((6, 7))]
    assert chunks.ceiling(cut, asked) == 0.75


TEXT = " ".join("abcdefghijklmnopqrst")


def test_an_overlap_as_long_as_the_answers_cuts_none_of_them() -> None:
    answers = [Span(2 * first, 2 * first + 5) for first in range(17)]  # three tokens each
    book = Handbook(TEXT, [SpanQuestion("q", "?", (span,)) for span in answers])
    overlap = chunks.answer_overlap(book, word_spans)
    assert overlap == 2
    for size in range(3, 9):
        windows = fixed_token_chunks(TEXT, size, overlap, word_spans)
        assert all(any(w.holds(span) for w in windows) for span in answers)
    windows = fixed_token_chunks(TEXT, 4, overlap - 1, word_spans)
    assert not all(any(w.holds(span) for w in windows) for span in answers)


@pytest.mark.parametrize(("size", "overlap"), [(6, 0), (6, 2), (7, 3)])
def test_shifted_windows_lose_no_token_and_have_other_borders(size: int, overlap: int) -> None:
    moved = chunks.shifted(TEXT, word_spans, size, overlap)
    plain = fixed_token_chunks(TEXT, size, overlap, word_spans)
    assert all(TEXT[c.start : c.end] == c.text for c in moved)
    assert {n for c in moved for n in range(c.start, c.end)} >= {2 * n for n in range(20)}
    assert {c.start for c in moved[1:]}.isdisjoint(c.start for c in plain)
    for first, second in pairwise(moved):
        assert len(word_spans(TEXT[second.start : first.end])) == overlap


def test_a_chunk_is_titled_by_the_section_in_which_it_begins() -> None:
    sections = heading_chunks("# One\na b c\n# Two\nd e f")
    headed = chunks.with_headings([Chunk("b c", 8, 11), Chunk("e", 20, 21)], sections)
    assert [chunk.heading for chunk in headed] == ["One", "Two"]


def test_equal_scores_are_decided_by_the_fewest_words() -> None:
    assert chunks.winner({"a": 0.5, "b": 0.9, "c": 0.9}, {"a": 1, "b": 9, "c": 3}) == "c"


def test_a_cut_that_is_always_better_is_always_chosen_and_falls_no_more_than_others() -> None:
    scores = np.array([[1.0] * 12, [0.0] * 12])
    assert chunks.resampled_choice(scores, [5, 5], 50) == (1.0, 0.0, 0.0)


def test_the_luckiest_of_equal_cuts_falls_on_questions_that_did_not_choose_it() -> None:
    scores = np.random.default_rng(1).integers(0, 2, size=(10, 24)).astype(float)
    again, drop, drop_all = chunks.resampled_choice(scores, [1.0] * 10, 300)
    assert again < 0.9
    assert drop > 0.1 > abs(drop_all)


def test_hits_losses_and_distances_of_what_was_found() -> None:
    found = graphs.Found(
        np.array([[3, 1], [7, 8]]),
        np.array([[1.0, 0.5], [0.5, 0.5]], dtype=np.float32),
        np.array([[1, 2], [7, 8]]),
        np.array([[1.0, 1.0], [0.5, 0.5]], dtype=np.float32),
    )
    assert found.hits().tolist() == [[True, False], [True, True]]
    assert found.recalls().tolist() == [0.5, 1.0]
    assert found.error() == pytest.approx(0.5)  # one of three distances of 1 is too many


def test_drawn_texts_spread_over_about_as_many_dimensions_as_the_real_ones() -> None:
    rng = np.random.default_rng(0)
    vectors = unit_rows(1 + rng.normal(size=(300, 12)) / (1 + np.arange(12)))
    real = effective_dimensions(vectors)
    drawn = effective_dimensions(like_texts(vectors).draw(2000, seed=0))
    assert drawn == pytest.approx(real, rel=0.4)
    even = even_topics(300, dimension=12).draw(2000, seed=0)
    assert drawn < 0.5 * effective_dimensions(even)


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    return {key: entry for key, entry in ledger.load().items() if key.startswith("lab02.")}


def test_no_score_is_above_its_ceiling(measured: dict[str, Any]) -> None:
    for key, ceiling in measured.items():
        if key.endswith(".dev.ceiling"):
            for score in ("hit_rate@5", "budget"):
                if found := measured.get(key.replace("ceiling", score)):
                    assert found["value"] <= ceiling["value"]


def test_unit_vectors_rank_alike_by_inner_product_and_distance(measured: dict[str, Any]) -> None:
    assert measured["lab02.unit.ip.moved"]["value"] == measured["lab02.unit.l2.moved"]["value"] == 0


def test_recall_grows_with_the_beam(measured: dict[str, Any]) -> None:
    for cloud, counts in graphs.SIZES.items():
        for count in counts:
            key = f"lab02.hnsw.{cloud}.{count}"
            recalls = [measured[f"{key}.ef{w}.recall@10"]["value"] for w in graphs.WIDTHS]
            assert recalls == sorted(recalls)


def test_the_prose_reports_what_the_rule_chooses_on_dev(measured: dict[str, Any]) -> None:
    book, tokens = load_handbook(split="dev"), chunks.token_spans(MiniLMEncoder(backend="auto"))
    cuts = chunks.cut_all(book.text, tokens, chunks.answer_overlap(book, tokens))
    for score, chosen in (("hit_rate@5", chunks.CHOSEN), ("budget", chunks.CHOSEN_IN_BUDGET)):
        keys = {cut: f"lab02.{cut}.dev.{score}" for cut in cuts}
        dev = {cut: measured[key]["value"] for cut, key in keys.items() if key in measured}
        words = {cut: float(np.mean([len(c.text.split()) for c in cuts[cut]])) for cut in dev}
        assert len(dev) == 10
        assert chunks.winner(dev, words) == chosen
