"""Sliders and the box for questions: the numbers that they draw, by peers and by brute force."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from matplotlib.figure import Figure
from processes import process

import ragkit
from ragkit.course import ask
from ragkit.course.seeing import asking, chunking, frontend, reranking, sliding, softmax, whitening
from ragkit.course.seeing.answers import Answers
from ragkit.course.seeing.resampling import RESAMPLES, SEEDS, Resampled
from ragkit.course.seeing.sliding import Control, View
from ragkit.documents.chunking import fixed_token_chunks, word_spans
from ragkit.documents.kb import Document, KnowledgeBase
from ragkit.documents.spans import Span
from ragkit.ranking import hits

NAMES = [f"document-{n}" for n in range(30)]


@pytest.fixture(scope="module")
def dev() -> KnowledgeBase:
    return ragkit.load_kb(split="dev")


@pytest.fixture(scope="module")
def windows() -> chunking.Windows:
    book = ragkit.load_handbook(split="dev")
    return chunking.Windows(book, word_spans, book.questions[0].spans[0])


def bars(figure: Figure) -> list[float]:
    return [bar.get_width() for bar in figure.axes[0].patches]


def paragraphs(html: str) -> str:
    """HTML without its tags."""
    return re.sub(r"<[^>]*>", "", html)


# the home of every slider


def drawn_at() -> tuple[list[dict[str, float]], Callable[..., View]]:
    """Where a picture was drawn, and how to draw it."""
    places: list[dict[str, float]] = []

    def draw(**at: float) -> View:
        places.append(at)
        figure = Figure()
        figure.subplots().plot([0, at["one"]])
        place = f"{at['one']:g}"
        return View(figure, f"A line <up> to {place}.", f"One & two:\nit is at {place}.")

    return places, draw


CONTROLS = (Control("one", "the first", (1, 2, 5), 2), Control("two", "the second", (0, 0.5), 0))


def test_where_nobody_can_move_it_the_picture_and_its_words_are_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[tuple[Figure, str]] = []
    monkeypatch.setattr(sliding, "show", lambda figure, alt: shown.append((figure, alt)))
    places, draw = drawn_at()
    sliding.slide(draw, *CONTROLS)
    assert places == [{"one": 2, "two": 0}]
    assert [alt for _, alt in shown] == ["A line <up> to 2."]
    assert capsys.readouterr().out == "One & two:\nit is at 2.\n"


def test_a_moved_slider_draws_at_its_new_place() -> None:
    places, draw = drawn_at()
    box = sliding.sliders(draw, CONTROLS, draw(one=2, two=0))
    first, second, drawn = box.children
    assert "it is at 2." in drawn.value
    before = re.search('src="([^"]*)"', drawn.value)
    first.value = 5
    second.value = 0.5
    assert places == [{"one": 2, "two": 0}, {"one": 5, "two": 0}, {"one": 5, "two": 0.5}]
    assert "it is at 5." in drawn.value
    after = re.search('src="([^"]*)"', drawn.value)
    assert before
    assert after
    assert before[1] != after[1]


def test_a_slider_has_a_label_says_how_to_move_it_and_draws_when_it_is_let_go() -> None:
    _, draw = drawn_at()
    slider, *_ = sliding.sliders(draw, CONTROLS, draw(one=2, two=0)).children
    assert slider.description == "the first"
    assert "arrow keys" in slider.tooltip
    assert not slider.continuous_update
    assert [label for label, _ in slider.options] == ["1", "2", "5"]


def test_picture_and_words_of_a_page_are_escaped_and_the_words_are_announced() -> None:
    html = drawn_at()[1](one=2, two=0).html()
    assert 'alt="A line &lt;up&gt; to 2."' in html
    assert "<p>One &amp; two:</p><p>it is at 2.</p></div>" in html
    assert 'role="status"' in html


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A notebook's kernel at which somebody sits."""
    kernel = SimpleNamespace(_allow_stdin=True)
    monkeypatch.delenv("RAGKIT_QUIET", raising=False)
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(kernel=kernel))
    return kernel


def test_widgets_are_for_a_notebook_at_which_somebody_sits(
    somebody: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert frontend.live()
    somebody._allow_stdin = False  # nbclient and nbconvert
    assert not frontend.live()
    somebody._allow_stdin = True
    monkeypatch.setenv("RAGKIT_QUIET", "1")
    assert not frontend.live()


def test_a_terminal_gets_no_widgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAGKIT_QUIET", raising=False)
    assert not frontend.live()
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace())
    assert not frontend.live()


@pytest.mark.usefixtures("somebody")
def test_a_saved_notebook_has_the_still_picture_and_words_beside_the_widget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    sliding.slide(drawn_at()[1], *CONTROLS)
    (data,) = shown
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "<img " in data["text/html"]
    assert data["text/plain"] == "One & two:\nit is at 2."


# temperature


@pytest.mark.parametrize("temperature", softmax.TEMPERATURES)
@pytest.mark.parametrize("right", [3, 20])
def test_a_row_is_scipy_s_softmax_and_its_loss_torch_s(temperature: float, right: int) -> None:
    cosines = np.random.default_rng(1).uniform(-0.2, 0.9, 30)
    wanted = scipy.special.softmax(cosines / temperature)
    np.testing.assert_allclose(softmax.shares(cosines, temperature), wanted, rtol=1e-9, atol=0)
    view = softmax.row_view(cosines, NAMES, right, temperature)
    *own, rest = bars(view.figure)
    labels = [label.get_text() for label in view.figure.axes[0].get_yticklabels()]
    rows = [int(re.findall(r"document-(\d+)", label)[0]) for label in labels[:-1]]
    np.testing.assert_allclose(own, wanted[rows], rtol=1e-9)
    assert rest == pytest.approx(1 - wanted[rows].sum(), abs=1e-12)
    assert set(rows) - {right} <= set(np.argsort(-cosines)[: softmax.SHOWN].tolist())
    assert [label for label in labels if label.startswith("right: ")] == [
        f"right: document-{right} ({cosines[right]:.2f})"
    ]
    logits = torch.from_numpy(cosines / temperature)
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(right)).item()
    assert f"the loss of this row is {loss:.2f} nats" in view.words
    others = np.delete(cosines, right)
    push = scipy.special.softmax(others / temperature).max()
    assert f"others, {push:.3f} falls on the nearest" in view.words


def test_a_short_row_has_no_others_together() -> None:
    view = softmax.row_view(np.array([0.5, 0.2]), ["a", "b"], 0, 1.0)
    assert len(bars(view.figure)) == 2


# windows


@pytest.mark.parametrize("size", chunking.SIZES)
@pytest.mark.parametrize("overlap", [0, 8, 32])
def test_windows_are_the_library_s_and_whole_answers_those_of_whom_no_token_is_cut(
    windows: chunking.Windows, size: int, overlap: int
) -> None:
    used = min(overlap, 3 * size // 4)
    chunks = windows.chunks(size, used)
    assert chunks == fixed_token_chunks(windows.text, size, used, word_spans)
    tokens = word_spans(windows.text)
    starts = [s for s in range(0, len(tokens), size - used) if s == 0 or s + used < len(tokens)]
    whole = 0
    for span in windows.answers:
        own = {n for n, t in enumerate(tokens) if t.end > span.start and t.start < span.end}
        whole += any(own <= set(range(start, start + size)) for start in starts)
    view = windows.view(size, overlap)
    assert f"with an overlap of {used} make {len(starts)} chunks" in view.words
    assert f"{whole} of {len(windows.answers)} answers lie whole" in view.words
    held, cut = (len(c.get_offsets()) for c in view.figure.axes[1].collections)
    assert (held, cut) == (whole, len(windows.answers) - whole)


def test_up_to_the_dotted_line_no_answer_is_cut(windows: chunking.Windows) -> None:
    for size in chunking.SIZES:
        for overlap in chunking.OVERLAPS:
            used = min(overlap, 3 * size // 4)
            chunks = windows.chunks(size, used)
            for span, length in zip(windows.answers, windows.lengths, strict=True):
                assert length > used + 1 or any(chunk.holds(span) for chunk in chunks)
    (line,) = windows.view(32, 96).figure.axes[1].lines
    assert list(line.get_xdata()) == [25.5, 25.5]  # an answer of 25 tokens is left of it


def test_the_tokens_of_an_answer_are_those_that_it_touches() -> None:
    tokens = [Span(0, 3), Span(4, 6), Span(6, 9), Span(10, 12)]
    assert chunking.token_count(tokens, Span(4, 9)) == 2
    assert chunking.token_count(tokens, Span(2, 7)) == 3


def test_an_overlap_that_is_too_large_is_said(windows: chunking.Windows) -> None:
    assert "so 12 is drawn" in windows.view(16, 64).words
    assert "is drawn" not in windows.view(16, 12).words


def test_the_filled_windows_hold_the_passage(windows: chunking.Windows) -> None:
    for size, overlap in ((32, 0), (64, 48), (250, 0)):
        view = windows.view(size, overlap)
        holding = sum(chunk.holds(windows.passage) for chunk in windows.chunks(size, overlap))
        hatched = [c for c in view.figure.axes[0].collections if c.get_hatch()]
        assert len(hatched) == holding
        assert f"lies whole in {holding} of the chunks" in view.words


# shrinkage


class Turned:
    """Vectors of texts as a knowledge base needs them, by drawing."""

    dimension, name, fingerprint = 12, "turned", "turned"

    def encode(self, texts: Any, batch_size: int = 32) -> Any:
        rows = [np.random.default_rng(sum(map(ord, text))).normal(size=12) for text in texts]
        scaled = np.array(rows) * 0.7 ** np.arange(12) + 0.3
        return (scaled / np.linalg.norm(scaled, axis=1, keepdims=True)).astype(np.float32)

    encode_query = encode_document = encode


@pytest.fixture(scope="module")
def whitened(dev: KnowledgeBase) -> whitening.Whitened:
    return whitening.Whitened(dev, Turned(), [f"text {'x' * n}" for n in range(40)])


@pytest.mark.parametrize("count", [8, 40])
def test_variances_are_squared_singular_values_and_at_most_one_less_than_the_texts(
    whitened: whitening.Whitened, count: int
) -> None:
    rows = whitened.rows[:count].astype(float)
    singular = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)
    wanted = np.zeros(12)
    wanted[: len(singular)] = singular**2 / (count - 1)
    found = whitening.variances(whitened.rows[:count])
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    assert (found > 1e-12).sum() == min(12, count - 1)


@pytest.mark.parametrize("shrinkage", [0.1, 0.5, 1])
@pytest.mark.parametrize("count", [8, 40])
def test_the_shrunk_spectrum_and_the_score_are_those_of_numpy(
    whitened: whitening.Whitened, dev: KnowledgeBase, shrinkage: float, count: int
) -> None:
    rows = torch.from_numpy(whitened.rows[:count]).double()
    covariance = torch.cov(rows.T)
    mean = covariance.trace() / 12
    shrunk = (1 - shrinkage) * covariance + shrinkage * mean * torch.eye(12)
    wanted = torch.linalg.eigvalsh(shrunk).flip(0) / mean
    view = whitened.view(shrinkage, count)
    drawn = view.figure.axes[0].lines[1].get_ydata()
    np.testing.assert_allclose(np.asarray(drawn, dtype=float), wanted.numpy(), rtol=1e-6)

    inverse = np.linalg.inv(shrunk.numpy())
    d, q = (side - rows.mean(dim=0).numpy() for side in (whitened.documents, whitened.questions))
    lengths = np.sqrt(np.einsum("nd,de,ne->n", d, inverse, d))
    near = (q @ inverse @ d.T) / lengths  # ranks as the cosine does: the question's length is one
    ids = [document.doc_id for document in dev.documents]
    found = [
        any(ids[row] in dev.qrels[query.query_id] for row in np.argsort(-scores)[:5])
        for query, scores in zip(dev.queries, near, strict=True)
    ]
    assert bars_of_scores(view)[1] == pytest.approx(np.mean(found), abs=0.01)


def bars_of_scores(view: View) -> list[float]:
    return [bar.get_width() for bar in view.figure.axes[1].patches]


def test_the_score_as_it_is_is_the_retriever_s(
    whitened: whitening.Whitened, dev: KnowledgeBase
) -> None:
    run = ragkit.DenseRetriever(Turned()).fit(dev.documents).run(dev.queries, k=5)
    wanted = ragkit.evaluate(dev.qrels, run, "hit_rate@5").mean["hit_rate@5"]
    assert bars_of_scores(whitened.view(1, 40))[0] == pytest.approx(wanted)


def test_where_variance_is_missing_and_not_made_up_for_nothing_is_fitted(
    whitened: whitening.Whitened,
) -> None:
    view = whitened.view(0, 8)
    assert "5 of 12 directions have no variance; with a shrinkage of 0, 5 have none" in view.words
    assert np.isnan(bars_of_scores(view)[1])
    assert "cannot be fitted" in [text.get_text() for text in view.figure.axes[1].texts]
    assert "of 0.1, 0 have none" in whitened.view(0.1, 8).words


# rerank depth


@pytest.fixture(scope="module")
def scored(dev: KnowledgeBase) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """A first stage that knows a little, and a reranker that knows a little else, with ties."""
    rng = np.random.default_rng(3)
    ids = [document.doc_id for document in dev.documents]
    first: dict[str, dict[str, float]] = {}
    logits: dict[str, dict[str, float]] = {}
    for query in dev.queries:
        judged = dev.qrels[query.query_id]
        drawn = {i: round(float(rng.normal() + 2 * (i in judged)), 1) for i in ids}
        first[query.query_id] = {hit.doc_id: hit.score for hit in hits(drawn.items())}
        logits[query.query_id] = {
            i: round(float(rng.normal() + 2 * (i in judged)), 1)
            for i in list(first[query.query_id])[:10]
        }
    return first, logits


class Known:
    """A stage of known scores."""

    def __init__(self, scores: dict[str, float]) -> None:
        self.scores = scores
        self.documents = {i: Document(i, i) for i in scores}

    def search(self, query: str, k: int = 10) -> Any:
        return hits(self.scores.items(), k)

    def rank(self, query: str, documents: Any, top_k: int | None = None) -> Any:
        return hits(((d.doc_id, self.scores[d.doc_id]) for d in documents), top_k)


@pytest.mark.parametrize("depth", [1, 3, 10])
@pytest.mark.parametrize("weight", [0.4, 1])
def test_rescued_and_lost_questions_are_those_of_the_two_stage_retriever(
    dev: KnowledgeBase, scored: Any, depth: int, weight: float
) -> None:
    first, logits = scored
    rescued, lost = [], []
    for query in dev.queries:
        one, two = Known(first[query.query_id]), Known(logits[query.query_id])
        pipeline = ragkit.TwoStageRetriever(one, two, depth, weight)
        judged = dev.qrels[query.query_id]
        before = one.search("any", 1)[0].doc_id in judged
        after = pipeline.search("any", 1)[0].doc_id in judged
        (rescued if after > before else lost if before > after else []).append(query.text)
    view = reranking.Reranked(dev, first, logits).view(depth, weight)
    assert f"{len(rescued)} questions rescued and {len(lost)} lost, of 115 on dev" in view.words
    assert f"Rescued: {' | '.join(rescued) or 'none.'}\n" in view.words
    assert view.words.endswith(f"Lost: {' | '.join(lost) or 'none.'}")
    assert len(view.figure.axes[0].get_yticks()) == len(rescued) + len(lost)
    assert bool(rescued) == bool(lost) == (depth > 1)


def test_ranks_after_are_those_of_a_sort_by_hand(dev: KnowledgeBase, scored: Any) -> None:
    first, logits = scored
    for move in reranking.Reranked(dev, first, logits).moves(10, 1):
        judged = dev.qrels[move.query.query_id]
        order = sorted(first[move.query.query_id].items(), key=lambda item: (-item[1], item[0]))
        ids = [doc_id for doc_id, _ in order]
        second = sorted(ids[:10], key=lambda i: (-logits[move.query.query_id][i], i)) + ids[10:]
        assert move.before == 1 + min(map(ids.index, judged))
        assert move.after == 1 + min(map(second.index, judged))


# bootstrap


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("resamples", RESAMPLES)
def test_the_interval_is_scipy_s_for_the_same_draws(resamples: int, seed: int) -> None:
    values = np.random.default_rng(5).normal(0.1, 1, 60)
    view = Resampled(values, "difference").view(resamples, seed)
    theirs = scipy.stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    low, high = theirs.confidence_interval
    assert f"lie from {low:+.3f} to {high:+.3f}" in view.words
    heights = [bar.get_height() for bar in view.figure.axes[0].patches]
    assert sum(heights) == pytest.approx(1, abs=0.01)
    assert sum(heights) <= 1 + 1e-9


def test_more_resamples_begin_with_the_fewer_and_a_seed_has_its_own() -> None:
    resampled = Resampled(np.arange(20.0), "mean")
    for resamples in RESAMPLES:
        means = resampled.means(resamples, 0)
        assert means.tolist() == resampled.means(RESAMPLES[-1], 0)[:resamples].tolist()
    firsts = {float(resampled.means(20, seed)[0]) for seed in SEEDS}
    assert len(firsts) > 5


def test_values_that_are_all_equal_are_drawn() -> None:
    assert "lie from +1.000 to +1.000" in Resampled(np.ones(5), "mean").view(20, 0).words


# the box


@pytest.fixture
def _models(
    monkeypatch: pytest.MonkeyPatch,
    minilm: ragkit.MiniLMEncoder,
    minigpt: ragkit.MiniGPTEncoder,
    reranker: ragkit.CrossEncoderReranker,
) -> Iterator[None]:
    """The models of this run, for the box to use."""
    models = {"minilm": minilm, "minigpt-table": minigpt}
    monkeypatch.setattr(asking, "build_encoder", models.__getitem__)
    monkeypatch.setattr(asking, "build_reranker", lambda _: reranker)
    for loaded in (asking._encoder, asking._reranker):
        loaded.cache_clear()
    yield
    for loaded in (asking._encoder, asking._reranker):
        loaded.cache_clear()


@pytest.mark.usefixtures("_models")
def test_every_column_is_its_system_s_own_answer(
    dev: KnowledgeBase,
    minilm: ragkit.MiniLMEncoder,
    minigpt: ragkit.MiniGPTEncoder,
    reranker: ragkit.CrossEncoderReranker,
) -> None:
    question = "which form of eat comes after have?"
    answers = ask(dev, question, k=4)
    assert answers
    lexical = ragkit.BM25Retriever().fit(dev.documents)
    dense = ragkit.DenseRetriever(minilm).fit(dev.documents)
    peers = [
        lexical,
        ragkit.DenseRetriever(minigpt).fit(dev.documents),
        dense,
        ragkit.FusionRetriever(lexical, dense),
        dense >> reranker,
    ]
    for found, peer in zip(answers.columns.values(), peers, strict=True):
        wanted = peer.search(question, 4)
        assert [hit.doc_id for hit in found] == [hit.doc_id for hit in wanted]
    assert list(answers.columns) == list(asking.SIDE_BY_SIDE.values())


SYSTEMS = ("bm25", "minigpt-table")


def test_what_answers_a_known_question_is_marked_in_text_and_in_html(dev: KnowledgeBase) -> None:
    for query in dev.queries[::10]:
        spaced = f"  {query.text.upper().replace(' ', '   ')} "
        answers = ask(dev, spaced, SYSTEMS, k=5)
        assert answers
        right = dev.qrels[query.query_id].keys()
        found = [hit.doc_id in right for hits in answers.columns.values() for hit in hits]
        html = answers._repr_html_()
        assert html.count("✓ right") == sum(found)
        table = str(answers).partition("\n\n")[2]
        assert table.count("✓") == sum(found)
        assert query.query_id in answers.note


def test_a_column_says_where_the_right_document_is(dev: KnowledgeBase) -> None:
    documents = {i: Document(i, "text", f"Title <{i}>") for i in "abc"}
    columns = {"one": hits([("a", 3.0), ("b", 2.0)]), "two": hits([("c", 1.0)])}
    answers = Answers("q <b>?", columns, documents, "known", frozenset("b"))
    assert str(answers).splitlines()[-1].split("  ")[0] == "right at rank 2"
    assert str(answers).endswith("none is right")
    html = answers._repr_html_()
    assert "q &lt;b&gt;?" in html
    assert "Title &lt;b&gt;" in html
    assert "<td" in html
    assert "–" in paragraphs(html)  # the second system found one document only


def test_a_question_that_nobody_judged_and_one_without_answer_are_told_apart(
    dev: KnowledgeBase,
) -> None:
    for question, words in (
        ("of eat?", "Nobody has judged"),
        (dev.unjudged[0].text, "has no answer to it"),
    ):
        answers = ask(dev, question, SYSTEMS)
        assert answers
        assert words in answers.note
        assert "right" not in paragraphs(answers._repr_html_())


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("", "Type a question"),
        (" \n", "Type a question"),
        ("x" * 301, "301 characters"),
        ("\ud800", "not valid Unicode"),
    ],
)
def test_a_question_that_cannot_be_asked_gets_a_sentence(
    dev: KnowledgeBase, question: str, words: str
) -> None:
    answers = ask(dev, question, SYSTEMS)
    assert answers
    assert words in str(answers)
    assert words in answers._repr_html_()
    assert not answers.columns


def test_an_unknown_system_is_refused(dev: KnowledgeBase) -> None:
    with pytest.raises(ragkit.DataError, match="bm25, minigpt-table"):
        ask(dev, "of eat?", ["bm26"])


def test_a_model_is_loaded_once_for_all_questions(
    dev: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    build = asking.build_encoder
    monkeypatch.setattr(asking, "build_encoder", lambda name: loaded.append(name) or build(name))
    asking._encoder.cache_clear()
    for question in ("of eat?", "of write?"):
        ask(dev, question, SYSTEMS)
    assert loaded == ["minigpt-table"]


def test_without_a_question_and_without_a_notebook_a_known_one_is_answered(
    dev: KnowledgeBase,
) -> None:
    answers = ask(dev, systems=SYSTEMS)
    assert answers
    assert answers.question in [query.text for query in dev.queries]


def test_the_box_offers_a_question_of_each_kind(dev: KnowledgeBase) -> None:
    offered = asking.Panel(dev, SYSTEMS, 3).examples()
    kinds = {query.text: query.kind for query in [*dev.queries, *dev.unjudged]}
    assert sorted(kinds[text] for text in offered) == sorted(set(kinds.values()))


def test_the_box_answers_once_for_enter_and_button(
    dev: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = asking.Panel(dev, SYSTEMS, 3)
    asked: list[str] = []
    answer = panel.answer
    monkeypatch.setattr(panel, "answer", lambda q: asked.append(q) or answer(q))
    asking_row, shown = asking.box(panel).children
    field, button = asking_row.children
    field.value = "past participle of speak"
    button.click()
    assert asked == ["past participle of speak"]
    assert "✓ right" in paragraphs(shown.value)


@pytest.mark.usefixtures("somebody")
def test_in_a_notebook_the_box_is_displayed(
    dev: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    assert ask(dev, systems=SYSTEMS) is None
    assert "application/vnd.jupyter.widget-view+json" in shown[0]
    assert "box for questions" in shown[0]["text/plain"]


def test_a_base_without_questions_can_be_asked() -> None:
    bare = KnowledgeBase([Document("a", "eat, ate, eaten")], [], {}, [], "test", Path())
    answers = ask(bare, "eaten?", ["bm25"])
    assert answers
    assert "Nobody has judged" in answers.note
    assert "1.   a" in str(answers)


def test_importing_the_course_loads_no_widgets_and_no_models() -> None:
    code = (
        "import sys, ragkit.course; "
        "heavy = {'numpy', 'torch', 'ipywidgets', 'matplotlib', 'ragkit.course.seeing'}; "
        "print(sorted(heavy & sys.modules.keys())); "
        "from ragkit.course import ask; print(ask.__name__)"
    )
    assert process("-c", code).out == "[]\nask\n"
