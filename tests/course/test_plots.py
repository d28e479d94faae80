"""Every plot function gives a labelled figure that renders without a warning.

And every picture of a lab has alternative text.
"""

from __future__ import annotations

import ast
import io
import re
import warnings
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import nbformat
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from ragkit.course import plots
from ragkit.course.layout import labs
from ragkit.course.plots import base
from ragkit.course.plots.showing import Picture
from ragkit.course.staff import editions
from ragkit.documents.spans import Span
from ragkit.minigpt.train import LossPoint

RNG = np.random.default_rng(0)
KINDS = ["lexical", "paraphrase", "spanish"]


def similarity_heatmap() -> Figure:
    square = np.array([[1.0, -0.001], [-0.001, 1.0]])
    return plots.similarity_heatmap([square, square], ["MiniLM", "MiniGPT"], ["eat", "¿comer?"])


def score_bars() -> Figure:
    bounds = [(0.1, 0.3), (0.9, 1.0)]
    return plots.score_bars(["random", "MiniLM"], [0.2, 0.95], bounds, "hit_rate@5")


def kind_dots() -> Figure:
    scores = {f"system {number}": RNG.random(3).tolist() for number in range(9)}
    return plots.kind_dots(KINDS, scores, "hit_rate@5")


def loss_curve() -> Figure:
    return plots.loss_curve([LossPoint(50, 5.0, 5.1), LossPoint(100, 3.0, 3.5)], vocabulary=1000)


def temperature_curves() -> Figure:
    temperatures = np.geomspace(0.01, 1, 20)
    shares = np.linspace(1, 0.1, 20)
    return plots.temperature_curves(temperatures, 3 * shares, shares, shares, candidates=16)


def topic_map() -> Figure:
    topics = [f"topic {number % 9}" for number in range(48)]
    return plots.topic_map(RNG.normal(size=(48, 2)), topics)


def cosine_histograms() -> Figure:
    cosines = {name: RNG.uniform(-0.2, 1, 300) for name in ("MiniLM", "whitened", "untrained")}
    return plots.cosine_histograms(cosines)


def projection_curve() -> Figure:
    scores = {8: [0.1, 0.2], 64: [0.3, 0.4], 512: [0.45, 0.5]}
    return plots.projection_curve(scores, 0.55, "hit_rate@5")


def pair_strips() -> Figure:
    rows = {"near-duplicate": RNG.random(12), "unrelated": RNG.random(30)}
    return plots.pair_strips({"MiniLM": rows, "MiniGPT": rows})


def chunk_map() -> Figure:
    spans = [Span(0, 40), Span(30, 70), Span(60, 100)]
    return plots.chunk_map(
        {"sliding": spans, "headings": [Span(0, 100)]}, Span(65, 80), Span(0, 95)
    )


def size_curves() -> Figure:
    series = {"fixed": ((32, 64), (0.2, 0.6)), "sliding": ((32, 64), (0.4, 0.8))}
    return plots.size_curves(
        {"ceiling": series, "hit_rate@5": series},
        {"ceiling": ("headings", 1.0), "hit_rate@5": ("headings", 0.3)},
    )


def length_scatter() -> Figure:
    return plots.length_scatter({"documents": (RNG.random(9), RNG.random(9))})


def recall_curves() -> Figure:
    curves = {"1,000 vectors": ((1, 2), (0.9, 1.0)), "10,000 vectors": ((2, 4), (0.8, 0.95))}
    return plots.recall_curves({"texts": curves, "topics": curves}, [16, 32], "vectors compared")


def walk_steps() -> Figure:
    moment = ([(0, 1), (1, 2)], [0, 1, 2], [1, 2], 1)
    return plots.walk_steps(RNG.random((6, 2)), RNG.random(2), {"first": moment, "end": moment})


def latency_growth() -> Figure:
    measured = {"flat": ((10, 100), (1.0, 10.0)), "HNSW": ((10, 100), (1.0, 2.0))}
    return plots.latency_growth(measured, ((100, 1000), (10.0, 100.0)))


def storage_lines() -> Figure:
    return plots.storage_lines([50, 1e7], {"flat": [0.07, 14648.0], "PQ": [0.01, 610.0]})


def score_regions() -> Figure:
    points = {"a": np.array([0.9, 0.3]), "b": np.array([2.0, 2.0])}
    return plots.score_regions(np.array([1.0, 0.0]), points, {"inner product": lambda x, q: x @ q})


def shortcuts() -> Figure:
    points = RNG.random((6, 2))
    cells = points[:2], [0, 1, 0, 1, 0, 1], [1]
    return plots.shortcuts(points, RNG.random(2), cells, ([(0, 1), (1, 2)], [0, 1, 2], [0, 2]))


def value_strips() -> Figure:
    rows = {"negation": RNG.normal(size=8), "roles": RNG.normal(size=8)}
    return plots.value_strips({"bi-encoder": rows, "cross-encoder": rows}, ["cosine", "logit"])


def ceiling_curve() -> Figure:
    return plots.ceiling_curve([1, 10, 50], {"MiniLM": [0.6, 0.9, 1.0], "BM25": [0.5, 0.8, 0.9]})


def weight_curves() -> Figure:
    return plots.weight_curves(
        [0.5, 1.0],
        {
            "the reranker": {"depth 5": [0.5, 0.6], "depth 10": [0.7, 0.4]},
            "BM25": {"both": [0.7, 0.2]},
        },
        {"the reranker": {"alone": 0.6}, "BM25": {"alone": 0.6, "by ranks": 0.5}},
        "mrr@10",
    )


def difference_dots() -> Figure:
    bounds = [(-0.01, 0.05), (0.1, 0.3)]
    return plots.difference_dots(["a − b", "a − c"], [0.02, 0.2], bounds, "mrr@10")


def token_heatmap() -> Figure:
    return plots.token_heatmap(RNG.random((2, 3)), ["eat", "?"], ["eat", ":", "eaten"])


def discount_curves() -> Figure:
    return plots.discount_curves({"hit_rate@2": [1.0, 1.0, 0.0], "mrr": [1.0, 0.5, 0.33]})


def margin_scatter() -> Figure:
    return plots.margin_scatter(RNG.normal(size=30), RNG.normal(size=30))


def attention_masks() -> Figure:
    square = np.eye(2)
    return plots.attention_masks({"bi-encoder": square, "late": square}, ["q", "d"])


def training_runs() -> Figure:
    runs = {"tied": [((0, 100, 600), (0.4, 0.2, 0.3))], "untied": [((0, 600), (0.4, 0.38))]}
    ranges = ((5.5, 5.7), (4.5, 4.8))
    losses = dict.fromkeys(runs, ((50, 600), (5.6, 4.7), ranges))
    kept = {"tied": [(200, 0.25)], "untied": [(250, 0.39)]}
    return plots.training_runs(runs, kept, losses, "hit_rate@5")


def spectrum_curves() -> Figure:
    shares = {"trained": np.linspace(0.1, 1, 64), "MiniLM": np.linspace(0.05, 1, 384)}
    return plots.spectrum_curves(shares, {"trained": 14.9, "MiniLM": 88.2})


def seed_dots() -> Figure:
    rows, seeds = ["labels", "the teacher"], [[0.01, 0.02, 0.015], []]
    return plots.seed_dots(rows, [0.015, -0.01], [(-0.01, 0.04), (-0.03, 0.01)], seeds, "mrr@10")


def interval_dots() -> Figure:
    scores = {
        "trained": ((0.25, 0.5), ((0.2, 0.3), (0.4, 0.6))),
        "step 0": ((0.4, 0.4), ((0.3, 0.5), (0.3, 0.5))),
    }
    return plots.interval_dots(["as it is", "mean subtracted"], scores, "hit_rate@5")


def softmax_bars() -> Figure:
    return plots.softmax_bars(["eat (0.5)", "others"], [0.75, 0.25], 0, "share at τ = 0.1")


def shrunk_spectrum() -> Figure:
    before = np.array([2.0, 1.0, 0.0])
    scores = {"as it is": 0.8, "whitened": float("nan")}
    return plots.shrunk_spectrum(before, (before + 1) / 2, scores, "hit_rate@5 on dev")


def window_map() -> Figure:
    spans = [Span(0, 40), Span(30, 70), Span(60, 100)]
    return plots.window_map(spans, Span(65, 80), Span(0, 95), [5, 9], [True, False], 5)


def moved_ranks() -> Figure:
    return plots.moved_ranks(["¿comer?", "eat?"], [4, 1], [1, 2])


def bootstrap_histogram() -> Figure:
    means = RNG.normal(0.1, 0.05, 200)
    edges = np.linspace(-0.1, 0.3, 21)
    return plots.bootstrap_histogram(means, (0.01, 0.19), 0.1, edges, "mean of mrr@10")


EXAMPLES: dict[str, Callable[[], Figure]] = {
    example.__name__: example
    for example in (
        similarity_heatmap,
        score_bars,
        kind_dots,
        loss_curve,
        temperature_curves,
        topic_map,
        cosine_histograms,
        pair_strips,
        projection_curve,
        chunk_map,
        latency_growth,
        length_scatter,
        recall_curves,
        score_regions,
        shortcuts,
        size_curves,
        storage_lines,
        walk_steps,
        value_strips,
        ceiling_curve,
        weight_curves,
        difference_dots,
        token_heatmap,
        discount_curves,
        margin_scatter,
        attention_masks,
        training_runs,
        spectrum_curves,
        interval_dots,
        seed_dots,
        softmax_bars,
        shrunk_spectrum,
        window_map,
        moved_ranks,
        bootstrap_histogram,
    )
}


@pytest.fixture(params=EXAMPLES.values(), ids=EXAMPLES.keys())
def figure(request: pytest.FixtureRequest) -> Figure:
    drawn: Figure = request.param()
    return drawn


def panels(figure: Figure) -> list[Axes]:
    """The axes of a figure without its colour bars."""
    return [axis for axis in figure.axes if axis.get_label() != "<colorbar>"]


def in_words(labels: list[Text]) -> bool:
    """True if tick labels name things and are not bare numbers."""
    return any(re.search(r"[^\W\d]", label.get_text()) for label in labels)


def test_every_plot_function_has_an_example() -> None:
    assert set(plots.__all__) - {"show"} == EXAMPLES.keys()


def test_a_plot_is_a_figure(figure: Figure) -> None:
    assert isinstance(figure, Figure)
    assert panels(figure)


def test_every_panel_says_what_its_x_axis_is(figure: Figure) -> None:
    for axis in panels(figure):
        assert axis.get_xlabel() or in_words(axis.get_xticklabels())


def test_the_first_panel_says_what_its_y_axis_is(figure: Figure) -> None:
    first = panels(figure)[0]
    assert first.get_ylabel() or in_words(first.get_yticklabels())


def test_a_plot_renders_to_png_without_a_warning(figure: Figure) -> None:
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(stream, format="png")
    assert stream.getvalue().startswith(b"\x89PNG")


def test_drawing_leaves_no_figure_open(figure: Figure) -> None:
    from matplotlib import pyplot

    assert pyplot.get_fignums() == []


def test_series_have_a_legend_with_every_name() -> None:
    legend = kind_dots().axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [f"system {n}" for n in range(9)]


def test_a_series_differs_from_every_other_in_colour_or_marker() -> None:
    styles = [tuple(base.style(number).values()) for number in range(99)]
    assert len(set(styles)) == 99


def test_the_heatmap_writes_no_minus_zero() -> None:
    texts = [text.get_text() for text in similarity_heatmap().axes[0].texts]
    assert texts == ["1.00", "0.00", "0.00", "1.00"]


def test_the_heatmaps_share_one_labelled_colour_scale() -> None:
    figure = similarity_heatmap()
    images = [axis.images[0] for axis in panels(figure)]
    assert {image.get_clim() for image in images} == {(0.0, 1.0)}
    assert figure.axes[-1].get_ylabel() == "cosine similarity"


def test_bars_have_the_means_as_lengths_with_the_first_on_top() -> None:
    (axis,) = score_bars().axes
    lengths = {bar.get_y() + bar.get_height() / 2: bar.get_width() for bar in axis.patches}
    assert lengths == pytest.approx({1.0: 0.2, 0.0: 0.95})
    assert [label.get_text() for label in axis.get_yticklabels()] == ["random", "MiniLM"]


def test_the_loss_curve_draws_the_points_it_was_given() -> None:
    training, validation, guess = loss_curve().axes[0].lines
    assert training.get_xydata().tolist() == [[50, 5.0], [100, 3.0]]
    assert validation.get_xydata().tolist() == [[50, 5.1], [100, 3.5]]
    assert guess.get_ydata()[0] == pytest.approx(np.log(1000))


def test_the_map_has_every_document_once_under_its_topic() -> None:
    (axis,) = topic_map().axes
    counts = {c.get_label(): len(c.get_offsets()) for c in axis.collections}
    assert counts == {f"topic {n}": len(range(n, 48, 9)) for n in range(9)}


def test_nine_topics_share_neither_a_colour_nor_a_marker() -> None:
    (axis,) = topic_map().axes
    fills = {tuple(c.get_facecolor()[0]) for c in axis.collections}
    shapes = {c.get_paths()[0].vertices.tobytes() for c in axis.collections}
    assert len(fills) == len(shapes) == 9


@pytest.mark.parametrize("example", [cosine_histograms, weight_curves, size_curves])
def test_compared_panels_have_one_y_axis(example: Callable[[], Figure]) -> None:
    assert len({axis.get_ylim() for axis in example().axes}) == 1


def test_a_cliff_is_drawn_as_a_step() -> None:
    line = discount_curves().axes[0].lines[0]
    assert line.get_drawstyle() == "steps-mid"
    assert line.get_xdata().tolist() == [1, 2, 3]  # the marks stay at the ranks


def test_the_growth_of_latency_has_no_band_and_marks_what_was_not_measured() -> None:
    (axis,) = latency_growth().axes
    assert not axis.collections
    assert [text.get_text() for text in axis.texts] == ["not measured"]
    (ground,) = axis.patches
    assert ground.get_x() > 100


def test_each_run_is_a_line_with_its_first_step_hollow_and_its_kept_one_a_star() -> None:
    tied, untied, loss, _ = training_runs().axes
    lines = [line.get_xydata().tolist() for line in tied.lines]
    assert lines[:3] == [[[0, 0.4], [100, 0.2], [600, 0.3]], [[0, 0.4]], [[200, 0.25]]]
    assert [line.get_marker() for line in untied.lines] == ["o", "o", "*"]
    assert [tied.lines[1].get_markerfacecolor(), tied.lines[2].get_marker()] == ["white", "*"]
    assert loss.lines[0].get_xydata().tolist() == [[50, 5.6], [600, 4.7]]
    assert len({axis.get_ylim() for axis in (tied, untied)}) == 1


def test_a_spectrum_tells_its_effective_dimensions() -> None:
    (axis,) = spectrum_curves().axes
    legend = [text.get_text() for text in axis.get_legend().get_texts()]
    assert legend == ["trained: 15 effective of 64", "MiniLM: 88 effective of 384"]
    assert axis.lines[0].get_ydata()[-1] == pytest.approx(1)


def test_whiskers_end_where_the_intervals_do() -> None:
    (axis,) = interval_dots().axes
    (segments,) = axis.containers[0].lines[2]
    assert sorted(s[:, 0].tolist() for s in segments.get_segments()) == [[0.2, 0.3], [0.4, 0.6]]


def test_a_shown_picture_has_its_text_wherever_a_reader_takes_it_from() -> None:
    alt = 'Marks that rise from "left" to right.'
    data, metadata = Picture(score_bars(), alt)._repr_mimebundle_()
    assert metadata == {"image/png": {"alt": alt}}
    assert data["text/plain"] == alt
    assert f' alt="{escape(alt)}"' in data["text/html"]
    assert "image/png" in data


def test_outside_a_notebook_a_shown_picture_is_its_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plots.show(score_bars(), "Two bars.")
    assert capsys.readouterr().out == "Two bars.\n"


CELLS = [
    pytest.param(cell.source, id=f"{lab.source.stem[:2]}-{'solved' if solved else 'student'}-{n}")
    for lab in labs()
    for solved in (False, True)
    for n, cell in enumerate(editions.build(lab.source, solved).cells)
    if cell.cell_type == "code" and "plots." in cell.source
]


def drawn_and_shown(code: str) -> tuple[list[str], list[ast.Call]]:
    """The plot functions that a cell calls, and its calls of `plots.show`."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    named = [(ast.unparse(call.func), call) for call in calls]
    drawn = [name for name, _ in named if name.startswith("plots.") and name != "plots.show"]
    return drawn, [call for name, call in named if name == "plots.show"]


def alternative_text(show: ast.Call) -> Any:
    return next(ast.literal_eval(k.value) for k in show.keywords if k.arg == "alt")


@pytest.mark.parametrize("code", CELLS)
def test_each_picture_of_a_lab_is_shown_with_at_least_eight_words(code: str) -> None:
    drawn, shown = drawn_and_shown(code)
    assert [ast.unparse(show.args[0].func) for show in shown] == drawn  # type: ignore[attr-defined]
    for show in shown:
        assert len(alternative_text(show).split()) >= 8


def test_a_lab_draws_with_the_plots_of_the_course_alone() -> None:
    for lab in labs():
        assert not re.search(r"matplotlib\.|pyplot|\bplt\b", lab.source.read_text())


def pictures(path: Any) -> Iterator[Any]:
    for cell in nbformat.read(path, as_version=4).cells:
        yield from (o for o in cell.get("outputs", ()) if "image/png" in o.get("data", {}))


@pytest.mark.parametrize("solved", [False, True])
def test_each_picture_in_a_committed_notebook_has_alternative_text(solved: bool) -> None:
    for lab in labs():
        for picture in pictures(lab.solved if solved else lab.student):
            assert picture.metadata["image/png"]["alt"]
            assert " alt=" in picture.data["text/html"]
