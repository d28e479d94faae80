"""The arithmetic of the benchmarks: no timings here, only what is computed from them."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from benchmarks import __main__ as command
from benchmarks import arithmetic, evaluating, fits, harness, markdown, processes, profiles, targets
from benchmarks.arithmetic import flops_per_token
from benchmarks.indexes import recall
from benchmarks.neighbours import Contest, faiss_flat, ids_of
from benchmarks.projections import FAR, projections
from benchmarks.report import render, targets_table, write
from benchmarks.suite import seconds_of, slowest
from benchmarks.synthetic import cloud_around, effective_dimensions
from benchmarks.targets import TARGETS, Outcome, Target, outcomes
from benchmarks.texts import LONG_TOKENS, by_length, count_tokens
from ragkit.course import ledger as ledger
from ragkit.documents.kb import load_documents
from ragkit.runtime import data_dir
from ragkit.search.index import FlatIndex
from ragkit.vectors import unit_rows
from ragkit.weights.opening import read_tokenizer
from ragkit.weights.published import MINILM, locate

ROOT = Path(__file__).resolve().parents[2]


def spread(median: float) -> dict[str, float]:
    return {"median": median, "low": 0.9 * median, "high": 1.1 * median, "n": 5}


def side(seconds: float, base: float, **more: Any) -> dict[str, Any]:
    found = {"seconds": seconds, "ratio": seconds / base, "speedup": base / seconds}
    return {**{name: spread(value) for name, value in found.items()}, **more}


def vectors(count: int, width: int = 8, seed: int = 0) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).normal(size=(count, width)))


@pytest.fixture
def quick(tmp_path: Path) -> harness.Plan:
    return harness.Plan(quick=True, million=False, scratch=tmp_path)


class TestHarness:
    def test_a_spread_is_the_median_and_the_quartiles(self) -> None:
        assert harness.spread([4, 1, 3, 2, 5]) == harness.Spread(3, 2, 4, 5)

    def test_a_ratio_is_taken_pair_by_pair(self) -> None:
        # the machine slowed down by ten in the middle: pairs do not mind, medians of all would
        assert harness.ratio([2, 20, 2], [1, 10, 4]).median == 2

    def test_ratio_and_speedup_say_the_same(self) -> None:
        found = harness.compared({"a": [1.0, 1.0], "b": [4.0, 4.0]}, base="a")
        assert found["b"]["ratio"]["median"] == 4
        assert found["b"]["speedup"]["median"] == 0.25
        assert found["a"]["ratio"]["median"] == 1

    def test_sides_take_turns_on_the_same_inputs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(harness, "REST", 0)
        seen: list[tuple[str, int]] = []
        sides = {name: (lambda n, name=name: seen.append((name, n))) for name in "ab"}
        took = harness.alternate(sides, repeats=2)
        warm = [("a", 0), ("b", 0)]
        assert seen == [*warm, ("a", 0), ("b", 0), ("a", 1), ("b", 1)]
        assert {name: len(seconds) for name, seconds in took.items()} == {"a": 2, "b": 2}

    def test_sides_that_differ_are_an_error(self) -> None:
        harness.check_same("ids", ["a"], ["a"])
        harness.check_close("mean", 0.5, 0.5 + 1e-10)
        with pytest.raises(harness.MeasurementError, match="ids"):
            harness.check_same("ids", ["a"], ["b"])
        with pytest.raises(harness.MeasurementError, match="mean"):
            harness.check_close("mean", 0.5, float("nan"))
        rows = vectors(4)
        harness.check_vectors_agree("rows", rows, rows)
        with pytest.raises(harness.MeasurementError, match="rows"):
            harness.check_vectors_agree("rows", rows, rows[::-1])


class TestArithmetic:
    def test_operations_are_counted_from_the_real_weights(self) -> None:
        from safetensors import safe_open

        with safe_open(locate(MINILM).folder / MINILM.file, framework="np") as weights:
            shapes = [
                weights.get_slice(name).get_shape()
                for name in weights.keys()  # noqa: SIM118  # it is no mapping
                if "encoder.layer" in name and "weight" in name and "LayerNorm" not in name
            ]
        products = sum(2 * rows * columns for rows, columns in shapes)
        layers = len(shapes) / 6
        attention = 4 * 7 * MINILM.dimension * layers
        assert flops_per_token(7) == products + attention

    def test_every_library_gives_the_same_product(self) -> None:
        products = arithmetic._products(3, 5, 4)
        assert set(products) == {"torch", "NumPy", "onnxruntime"}
        arithmetic.check_products(products)
        wrong = {**products, "wrong": lambda _: np.zeros((3, 4))}
        with pytest.raises(harness.MeasurementError, match="wrong"):
            arithmetic.check_products(wrong)

    def test_long_texts_have_exactly_as_many_tokens_as_they_should(
        self, quick: harness.Plan
    ) -> None:
        tokenizer = read_tokenizer(MINILM, locate(MINILM).folder)
        short, documents, long = by_length(tokenizer, quick).values()
        assert {count_tokens(tokenizer, [text]) for text in long} == {LONG_TOKENS}
        assert all(8 <= count_tokens(tokenizer, [text]) <= 16 for text in short)
        assert set(documents) <= {d.full_text for d in load_documents(data_dir() / "verb_grammar")}


class TestFits:
    sizes = (500, 2000, 5000, 20_000, 100_000)

    @pytest.mark.parametrize(
        ("shape", "curve"),
        [
            ("linear", lambda n: 2e-5 + 3e-8 * n),
            ("logarithmic", lambda n: 2e-5 + 3e-5 * np.log(n)),
            ("power", lambda n: 2e-5 * n**0.3),
        ],
    )
    def test_known_coefficients_are_found_again(self, shape: str, curve: Any) -> None:
        found = fits.fit(shape, self.sizes, [curve(n) for n in self.sizes])
        assert found.predict(1e7)[0] == pytest.approx(curve(1e7), rel=1e-6)
        assert found.a == pytest.approx(2e-5, rel=1e-6)

    def test_the_better_shape_is_chosen(self) -> None:
        for shape, curve in (("logarithmic", np.log), ("power", np.sqrt)):
            values = [float(curve(n)) for n in self.sizes]
            assert fits.best_fit(("logarithmic", "power"), self.sizes, values).shape == shape

    def test_the_interval_holds_the_truth_as_often_as_it_says(self) -> None:
        rng = np.random.default_rng(0)
        held = 0
        for _ in range(400):
            noise = np.exp(0.1 * rng.normal(size=len(self.sizes) + 1))
            values = [n**0.5 * e for n, e in zip(self.sizes, noise, strict=False)]
            _, low, high = fits.fit("power", self.sizes, values).predict(1e7)
            held += low <= 1e7**0.5 * noise[-1] <= high
        assert 0.92 < held / 400 < 0.98

    def test_slope_and_its_error_are_those_of_textbook_regression(self) -> None:
        values = [n**0.5 * e for n, e in zip(self.sizes, (1.1, 0.9, 1.0, 1.2, 0.95), strict=True)]
        expected = stats.linregress(np.log(self.sizes), np.log(values))
        found = fits.fit("power", self.sizes, values)
        assert found.b == pytest.approx(expected.slope)
        assert found.covariance[1][1] ** 0.5 == pytest.approx(expected.stderr)

    def test_noise_widens_the_interval(self) -> None:
        clean = [1.0 * n for n in self.sizes]
        noisy = [value * (1 + 0.1 * (-1) ** i) for i, value in enumerate(clean)]
        widths = [
            np.subtract(*fits.fit("linear", self.sizes, values).predict(1e7)[:0:-1])
            for values in (clean, noisy)
        ]
        assert widths[0] < 1e-3 * widths[1]


class TestPeers:
    def test_every_index_finds_the_same(self) -> None:
        contest = Contest(vectors(40), vectors(5, seed=1), ids_of(40))
        index = contest.fill(FlatIndex(8))
        exact = contest.ours(index, 3)
        contest.check("FAISS", exact, contest.raw(faiss_flat(contest.rows), 3))
        contest.check("NumPy", exact, contest.numpy(3))
        with pytest.raises(harness.MeasurementError):
            contest.check("another", exact, [row[::-1] for row in exact])

    def test_every_evaluator_gives_the_same_means(self) -> None:
        qrels, run = evaluating.draw(12)
        sides = {
            evaluating.OURS: lambda: evaluating.scored(
                evaluating.evaluate(qrels, run, evaluating.METRICS)
            ),
            evaluating.TREC: lambda: evaluating.trec_scores(qrels, run),
        }
        evaluating.check(sides, qrels, run)
        wrong = {**sides, "wrong": lambda: {m: np.zeros(12) for m in evaluating.METRICS}}
        with pytest.raises(harness.MeasurementError, match="of wrong"):
            evaluating.check(wrong, qrels, run)

    def test_the_drawn_run_has_no_ties_and_finds_some_of_what_is_relevant(self) -> None:
        qrels, run = evaluating.draw(5)
        for query, scores in run.items():
            assert len(set(scores.values())) == len(scores) == evaluating.DEPTH
            assert len(qrels[query].keys() & scores.keys()) == 3

    def test_plain_resampling_agrees_with_the_library(self) -> None:
        values = np.random.default_rng(0).uniform(size=300)
        ours = evaluating.Report({"m": dict(enumerate(values))}).interval("m")  # type: ignore[dict-item]
        assert evaluating.naive_interval(values) == pytest.approx(ours, abs=2e-3)

    def test_recall_is_the_mean_share(self) -> None:
        assert recall([["a", "b"], ["c", "d"]], [["a", "x"], ["d", "c"]]) == 0.75

    def test_drawn_vectors_are_units_with_few_effective_dimensions(self) -> None:
        centres = unit_rows(vectors(60, 32) * np.geomspace(1, 0.05, 32))
        drawn = cloud_around(centres).draw(400, seed=1)
        assert np.linalg.norm(drawn, axis=1) == pytest.approx(1, abs=1e-5)
        assert effective_dimensions(drawn) == pytest.approx(effective_dimensions(centres), rel=0.4)
        assert effective_dimensions(vectors(400, 32)) > 1.5 * effective_dimensions(drawn)


class TestProcesses:
    def test_seconds_peak_and_output_of_a_command(self, tmp_path: Path) -> None:
        code = "print('x' * 3); b = bytearray(60_000_000)"
        small, large = (
            processes.run([sys.executable, "-c", c], tmp_path) for c in ("print('xxx')", code)
        )
        assert small.output == large.output == "xxx\n"
        assert 50e6 < large.peak_bytes - small.peak_bytes < 80e6
        assert small.peak_bytes < 40e6  # not that of this process, which is far larger

    def test_a_command_that_fails_is_an_error_with_what_it_said(self, tmp_path: Path) -> None:
        with pytest.raises(harness.MeasurementError, match=r"ended in 3.*no luck"):
            processes.run([sys.executable, "-c", "print('no luck'); raise SystemExit(3)"], tmp_path)

    def test_a_profile_names_functions_without_the_machine_s_paths(self) -> None:
        found = profiles.functions(lambda: json.dumps({"a": [1] * 10}, indent=1))
        assert any("json/encoder.py" in row["name"] for row in found["rows"])
        assert not any(row["name"].startswith("/") for row in found["rows"])

    def test_the_seconds_of_labs_are_read(self) -> None:
        printed = "ok labs/01-a.ipynb  54 cells in 23 s\nok labs/02-b.ipynb  60 cells in 2.5 s\n"
        assert seconds_of(printed) == {"01-a": 23.0, "02-b": 2.5}
        with pytest.raises(harness.MeasurementError):
            seconds_of("skipped\n")

    def test_the_slowest_tests_are_read(self) -> None:
        printed = "= slowest 15 durations =\n140.75s call     tests/test_a.py::B::c\n"
        printed += "9.17s setup    labs/01-a.ipynb::Cell 31\n3 passed in 2.00s\n"
        assert slowest(printed) == [
            {"name": "tests/test_a.py::B::c", "seconds": 140.75},
            {"name": "labs/01-a.ipynb::Cell 31", "seconds": 9.17},
        ]


def results() -> dict[str, Any]:
    """Small results by hand: two parts, with numbers that are easy to follow."""
    scores = {
        "ragkit": side(2, 2),
        "ranx": side(4, 2),
        evaluating.READY: side(1, 2),
        "pytrec_eval": side(1, 2),
    }
    base = {"queries": 100, "depth": 10, "resamples": 50, "metrics": ["mrr@10"]}
    sizes = {
        str(size): {
            "build": {name: spread(size * 1e-6) for name in INDEXES},
            "bytes": dict.fromkeys(INDEXES, 1536 * size),
            "latency": {
                name: side(size**power, size**0.9)
                for name, power in zip(INDEXES, (0.9, 0.9, 0.9, 0.3, 0.3), strict=True)
            },
            "flat_over_raw": spread(1.0),
            "hnsw_over_raw": spread(1.2),
            "recall": 1.0,
            "batch": spread(1e-6),
            "queries": 10,
        }
        for size in (50, 500, 2000, 20_000, 100_000)
    }
    curve = {
        "size": 100_000,
        "recall": {"16": 0.98, "32": 0.99, "64": 1.0},
        "latency": {"FlatIndex": side(1, 1)}
        | {width: side(int(width) / 1000, 1) for width in ("16", "32", "64")},
    }
    cloud = dict.fromkeys(("centres", "sample"), 10) | dict.fromkeys(
        (
            "noise",
            "effective_dimensions_real",
            "effective_dimensions_drawn",
            "nearest_cosine_real",
            "nearest_cosine_drawn",
        ),
        0.5,
    )
    band = {"ways": {"sum, one thread": spread(2e10)}, "one_thread": 2e10, "array_bytes": 1000}
    indexes = {"k": 10, "cloud": cloud, "sizes": sizes, "curve": curve, "bandwidth": band}
    machine = {
        "cpu": "a processor",
        "cores": 2,
        "threads": 2,
        "instructions": ["avx2"],
        "memory_bytes": 8e9,
        "system": "a system",
        "python": "3.11",
        "libraries": {"numpy": "2.0"},
    }
    measured = {"indexes": indexes, "evaluating": {**base, "scores": scores, "intervals": scores}}
    frame = {"date": "2026-01-31", "quick": False, "environment": machine, "load": 0.0}
    return {"parts": {name: {**frame, "measured": part} for name, part in measured.items()}}


INDEXES = ("FlatIndex", "IndexFlatIP", "NumPy", "HNSWIndex", "IndexHNSWFlat")


class TestTargets:
    @pytest.mark.parametrize(
        ("value", "at_most", "verdict"),
        [
            (1.0, True, "met"),
            (1.0001, True, "missed"),
            (0.9, True, "met"),
            (1.0, False, "met"),
            (0.9999, False, "missed"),
            (1.1, False, "met"),
            (None, True, "not measured"),
            (float("inf"), True, "missed"),
            (float("nan"), True, "missed"),
        ],
    )
    def test_the_border_itself_is_met(
        self, value: float | None, at_most: bool, verdict: str
    ) -> None:
        target = Target("a thing", "ask", 1.0, lambda _: value, at_most=at_most)
        assert Outcome(target, value).verdict == verdict

    def test_what_was_not_measured_is_neither_met_nor_missed(self) -> None:
        assert {outcome.verdict for outcome in outcomes({})} == {"not measured"}
        assert {target.part for target in TARGETS} == set(command.PARTS)

    def test_values_are_taken_from_the_results(self) -> None:
        parts = {name: part["measured"] for name, part in results()["parts"].items()}
        found = {o.target.what: o for o in outcomes(parts) if o.value is not None}
        assert {what: (o.value, o.verdict) for what, o in found.items()} == {
            "FlatIndex over raw FAISS, 100,000 vectors": (1.0, "met"),
            "HNSWIndex with recall@10 of 0.99 or more over FlatIndex, 100,000 vectors": (
                0.032,
                "met",
            ),
            "scores and intervals over ranx": (0.5, "met"),
            "scores and intervals over pytrec_eval": (2.0, "missed"),
        }

    def test_a_graph_that_never_finds_enough_misses(self) -> None:
        part = copy.deepcopy(results()["parts"]["indexes"]["measured"])
        part["curve"]["recall"] = {"16": 0.5}
        assert targets.least_width(part["curve"]) is None
        assert targets.missed({"indexes": part}, "indexes")


class TestReport:
    def test_it_says_missed_where_a_target_is_missed_and_shows_the_profile(self) -> None:
        stored = results()
        row = {"name": "slow.py:1 slow", "calls": 1, "own": 0.1, "seconds": 0.2}
        stored["parts"]["evaluating"]["profile"] = {
            "kind": "functions",
            "rows": [row],
            "what": "x",
        }
        text = render(stored)
        missed = [line for line in text.splitlines() if "**missed**" in line]
        assert len(missed) == 1
        assert missed[0].startswith("| scores and intervals over pytrec_eval | ≤ 1 × | 2 × |")
        assert "slow.py:1 slow" in text
        assert "3 met, 1 missed, 11 not measured." in text

    def test_words_follow_the_numbers(self) -> None:
        stored = results()
        assert "With intervals it is 2 times as fast as ranx; 2 times as slow as" in render(stored)
        ranx = stored["parts"]["evaluating"]["measured"]["intervals"]["ranx"]
        ranx["speedup"] = spread(4.0)
        assert "With intervals it is 4 times as slow as ranx" in render(stored)
        ranx["speedup"] = spread(1.01)
        assert "With intervals it is about as fast as ranx" in render(stored)

    def test_only_what_was_measured_is_shown(self) -> None:
        stored = results()
        del stored["parts"]["indexes"]
        assert "## Indexes" not in render(stored)

    def test_pictures_are_drawn_for_what_was_measured(self, tmp_path: Path) -> None:
        write(results(), tmp_path)
        pictures = {file.stem for file in (tmp_path / "figures").glob("*.png")}
        assert pictures == {"latency", "building", "widths", "evaluating"}
        text = (tmp_path / "report.md").read_text(encoding="utf-8")
        assert all(f"(figures/{name}.png)" in text for name in pictures)

    def test_projections_go_on_as_the_points_do(self) -> None:
        found = projections(results()["parts"]["indexes"]["measured"])
        graph = next(p for p in found if p.index == "HNSWIndex" and p.quantity == "latency")
        assert graph.fit.shape == "power"
        assert graph.fit.predict(FAR)[0] == pytest.approx(FAR**0.3)
        size = next(p for p in found if p.index == "FlatIndex" and p.quantity == "bytes")
        assert size.fit.predict(FAR)[0] == pytest.approx(1536 * FAR)

    @pytest.mark.parametrize(
        ("value", "text"),
        [(2e-6, "2 µs"), (0.0123, "12.3 ms"), (1.5, "1.5 s"), (240, "4 min"), (7200, "2 h")],
    )
    def test_times_have_a_unit_that_suits_them(self, value: float, text: str) -> None:
        assert markdown.seconds(value) == text

    def test_numbers_have_three_digits(self) -> None:
        numbers = (0.00001234, 0.5, 1.0, 12.345, 123.4, 1234567)
        shown = [markdown.number(value) for value in numbers]
        assert shown == ["0.000012", "0.5", "1", "12.3", "123", "1,234,567"]


class TestCommand:
    def test_an_unknown_part_is_one_sentence_and_status_2(self) -> None:
        found = subprocess.run(
            [sys.executable, "-m", "benchmarks", "--only", "nothing"],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert found.returncode == 2
        assert "no part 'nothing'" in found.stderr
        assert len(found.stderr.strip().splitlines()) == 1

    def test_the_suite_is_measured_only_on_request_and_before_the_others(self) -> None:
        *others, _ = command.PARTS
        assert command._chosen(None, suite=False) == others
        assert command._chosen(None, suite=True) == ["suite", *others]
        assert command._chosen(["ask", "suite"], suite=False) == ["suite", "ask"]

    def test_measuring_some_parts_keeps_the_others(self, tmp_path: Path) -> None:
        file = tmp_path / "results.json"
        command._store({"parts": {"evaluating": {"old": 1}, "ask": {"old": 2}}}, file)
        stored = command._load(file)
        stored["parts"]["evaluating"] = {"new": 3}
        command._store(stored, file)
        assert json.loads(file.read_text()) == {
            "parts": {"ask": {"old": 2}, "evaluating": {"new": 3}}
        }
        assert list(command._load(file)["parts"]) == ["ask", "evaluating"]


@pytest.fixture(scope="module")
def stored() -> Any:
    return json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))


class TestWhatIsCommitted:
    def test_the_report_is_made_from_the_results(self, stored: Any) -> None:
        report = (ROOT / "benchmarks" / "report.md").read_text(encoding="utf-8")
        assert report == render(stored)

    def test_the_table_of_the_readme_is_made_from_the_results(self, stored: Any) -> None:
        assert ledger.load()["bench.targets"]["text"] == targets_table(stored)

    def test_no_part_was_measured_in_a_hurry(self, stored: Any) -> None:
        assert [name for name, part in stored["parts"].items() if part["quick"]] == []
