"""What the benchmarks compute from times, how they show it, and what is committed of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import typer

from benchmarks import __main__ as command
from benchmarks import evaluating, harness, processes, tables
from benchmarks.figures import PICTURES
from benchmarks.indexes import recall
from benchmarks.neighbours import Contest, faiss_flat, ids_of
from benchmarks.quoted import QUOTED, quoted
from benchmarks.report import render, write
from benchmarks.suite import seconds_of
from benchmarks.targets import TARGETS, Target, targets_table
from benchmarks.texts import LONG_TOKENS, by_length, count_tokens
from ragkit.course.ledger import QUOTE, TABLE, pages
from ragkit.documents.kb import load_documents
from ragkit.runtime import data_dir
from ragkit.search.index import FlatIndex
from ragkit.vectors import unit_rows
from ragkit.weights.opening import read_tokenizer
from ragkit.weights.published import MINILM, locate

ROOT = Path(__file__).resolve().parents[2]


def spread(median: float) -> dict[str, float]:
    return {"median": median, "low": 0.9 * median, "high": 1.1 * median, "n": 5}


def vectors(count: int, width: int = 8, seed: int = 0) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).normal(size=(count, width)))


@pytest.fixture
def quick(tmp_path: Path) -> harness.Plan:
    return harness.Plan(quick=True, scratch=tmp_path)


class TestHarness:
    def test_a_spread_is_the_median_and_the_quartiles(self) -> None:
        assert harness.spread([4, 1, 3, 2, 5]) == harness.Spread(3, 2, 4, 5)

    def test_a_ratio_is_taken_pair_by_pair(self) -> None:
        # the machine slowed down by ten in the middle: pairs do not mind, medians of all would
        assert harness.ratio([2, 20, 2], [1, 10, 4]).median == 2

    def test_a_side_is_compared_with_the_base_one_way_or_the_other(self) -> None:
        took = {"a": [1.0, 1.0], "b": [4.0, 4.0]}
        ratio, speedup = (harness.compared(took, "a", kind) for kind in ("ratio", "speedup"))
        assert ratio["b"]["ratio"]["median"] == 4
        assert speedup["b"]["speedup"]["median"] == 0.25
        assert ratio["a"].keys() == speedup["a"].keys() == {"seconds"}

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


class TestTexts:
    def test_long_texts_have_exactly_as_many_tokens_as_they_should(
        self, quick: harness.Plan
    ) -> None:
        tokenizer = read_tokenizer(MINILM, locate(MINILM).folder)
        short, documents, long = by_length(tokenizer, quick).values()
        assert {count_tokens(tokenizer, [text]) for text in long} == {LONG_TOKENS}
        assert all(8 <= count_tokens(tokenizer, [text]) <= 16 for text in short)
        assert set(documents) <= {d.full_text for d in load_documents(data_dir() / "verb_grammar")}


class TestPeers:
    def test_every_index_finds_the_same(self) -> None:
        contest = Contest(vectors(40), vectors(5, seed=1), ids_of(40))
        index = contest.fill(FlatIndex(8))
        exact = contest.found(contest.asking(index, 3))
        assert exact == index.search(contest.queries, 3)[1].tolist()
        for side in (contest.asking(faiss_flat(contest.rows), 3), contest.asking_numpy(3)):
            contest.check("a peer", exact, contest.found(side))
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

    def test_the_seconds_of_labs_are_read(self) -> None:
        printed = "ok labs/01-a.ipynb  54 cells in 23 s\nok labs/02-b.ipynb  60 cells in 2.5 s\n"
        assert seconds_of(printed) == {"01-a": 23.0, "02-b": 2.5}
        with pytest.raises(harness.MeasurementError):
            seconds_of("skipped\n")


class TestTables:
    record: ClassVar[dict[str, Any]] = {
        "kinds": {"short": {"a": spread(2), "b": spread(0.5)}, "long": {"a": spread(3)}}
    }

    def test_a_path_finds_every_value_with_the_keys_of_its_stars(self) -> None:
        found = tables.find(self.record, "kinds/*/a/median")
        assert found == [(["short"], 2), (["long"], 3)]
        assert tables.find(self.record, "kinds/short/b/n") == [([], 5)]
        assert tables.find(self.record, "kinds/*/nothing") == []
        assert tables.find(self.record, "kinds/short/a/median/deeper") == []

    def test_what_was_not_measured_is_a_dash(self) -> None:
        shown = tables.render("kinds/* as kind\na = timed a\nb = timed b", self.record)
        assert shown.splitlines() == [
            "| kind | a | b |",
            "| --- | ---: | ---: |",
            "| short | 2 s [1.8 s–2.2 s] | 500 ms [450 ms–550 ms] |",
            "| long | 3 s [2.7 s–3.3 s] | – |",
        ]

    @pytest.mark.parametrize(
        ("value", "text"), [(2e-6, "2 µs"), (0.0123, "12.3 ms"), (1.5, "1.5 s"), (240, "4 min")]
    )
    def test_times_have_a_unit_that_suits_them(self, value: float, text: str) -> None:
        assert tables.seconds(value) == text

    def test_numbers_have_three_digits(self) -> None:
        numbers = (0.00001234, 0.5, 1.0, 12.345, 123.4, 1234567)
        shown = [tables.number(value) for value in numbers]
        assert shown == ["0.000012", "0.5", "1", "12.3", "123", "1,234,567"]


class TestTargets:
    @pytest.mark.parametrize(
        ("value", "sign", "verdict"),
        [
            (1.0, "≤", "met"),
            (1.0001, "≤", "missed"),
            (1.0, "≥", "met"),
            (0.9999, "≥", "missed"),
            (None, "≤", "not measured"),
            (float("nan"), "≤", "missed"),
        ],
    )
    def test_the_border_itself_is_met(self, value: float | None, sign: Any, verdict: str) -> None:
        assert Target("a thing", "ask", sign, 1.0).verdict(value) == verdict

    def test_the_worst_of_several_values_counts(self) -> None:
        parts = {"suite": {"labs": {"01": {"cold": 3}, "02": {"cold": 9}}}}
        assert Target("slowest", "suite/labs/*/cold", "≤", 5).value(parts) == 9
        assert Target("fastest", "suite/labs/*/cold", "≥", 5).value(parts) == 3
        assert Target("some", "suite/labs/0[13]*/cold", "≤", 5).value(parts) == 3
        assert Target("none", "suite/labs/04*/cold", "≤", 5).value(parts) is None

    def test_points_are_hundredths(self) -> None:
        lost = Target("lost", "quality/gap", "≥", -1, "points")
        assert lost.value({"quality": {"gap": -0.02}}) == -2

    def test_the_table_counts_and_marks_what_is_missed(self) -> None:
        parts = {"evaluating": {"intervals": {"ranx": {"speedup": spread(2.0)}}}}
        table = targets_table(parts)
        assert f"0 met, 1 missed, {len(TARGETS) - 1} not measured." in table
        assert "| scores and intervals over ranx | ≤ 1 × | 2 × | **missed** |" in table


class TestQuoted:
    def test_spreads_and_comparisons_become_entries_of_the_ledger(self) -> None:
        gap = {"difference": -0.01, "interval": [-0.02, 0.01], "queries": 9, "p_value": 0.5}
        sides = {
            name: {"sides": {"onnx": {"speedup": spread(n)}}}
            for name, n in zip("ab", (3, 2), strict=True)
        }
        quality = {"onnx-int8": {"cosine_lowest": 0.98, "differences": {"hit_rate@5": gap}}}
        single = {"search 56 documents": spread(0.002)}
        parts = {
            "encoding": {"measured": {"quality": quality, "throughput": sides}},
            "steps": {"measured": {"single": single}, "environment": {"threads": 2}},
        }
        found = quoted({"parts": parts})
        assert found["backends.onnx-int8.cosine.lowest"]["value"] == 0.98
        compared = found["backends.onnx-int8-torch.hit_rate@5"]
        assert (compared["value"], compared["interval"], compared["n"]) == (-0.01, [-0.02, 0.01], 9)
        assert found["time.search_56"]["value"] == pytest.approx(2)  # milliseconds
        assert found["time.search_56"]["interval"] == pytest.approx([1.8, 2.2])
        assert found["time.threads"]["value"] == 2
        assert found["bench.fp32.speed"]["value"] == 2  # the worst kind of text

    def test_the_stored_results_contain_whatever_is_quoted(self, stored: Any) -> None:
        lost = [row.key for row in QUOTED if not tables.find(stored["parts"], row.path)]
        assert lost == []

    def test_a_part_that_was_not_measured_keeps_what_was_quoted_of_it(self) -> None:
        before = {"time.rerank_1": {"value": 7.0, "how": "by hand"}, "nobody.reads": {"value": 1}}
        found = quoted({"parts": {}, "quoted": before})
        assert found.keys() == {"time.rerank_1", "bench.targets"}
        assert found["time.rerank_1"] == before["time.rerank_1"]


class TestReport:
    def test_every_section_is_filled(self, stored: Any) -> None:
        """Also those whose part is not in the stored results yet."""
        made = {
            "steps": {"single": {"encode a question, torch": spread(0.006)}},
            "grading": {
                "submissions": 30,
                "class": {"submission": 0.15, "before": 2.8, "report": 0.9, "peak_bytes": 9e7},
            },
        }
        frame = stored["parts"]["ask"]
        parts = {name: {**frame, "measured": part} for name, part in made.items()}
        text = render({"parts": {**stored["parts"], **parts}})
        assert len(re.findall("^## ", text, re.MULTILINE)) == 1 + len(command.PARTS)
        assert "| encode a question, torch | 6 ms [5.4 ms–6.6 ms] | 5 |" in text
        assert "| 150 ms | 2.8 s | 900 ms | 90 MB |" in text
        assert not re.search(r"[{}]|\[\[|\]\]", text)

    def test_a_hurry_and_company_are_admitted(self, stored: Any) -> None:
        part = {**stored["parts"]["ask"], "quick": True, "load": 1.5}
        text = render({"parts": {"ask": part}})
        assert "Quick, with small sizes and few repeats: ask." in text
        assert "Other programs were running when these began: ask." in text


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
        part = {"environment": {}, "measured": {}}
        command._store({"parts": {"evaluating": part, "ask": {**part, "date": "old"}}}, file)
        stored = command._load(file)
        assert list(stored["parts"]) == ["ask", "evaluating"]
        stored["parts"]["evaluating"] = {**part, "date": "new"}
        command._store(stored, file)
        dates = {name: found.get("date") for name, found in command._load(file)["parts"].items()}
        assert dates == {"ask": "old", "evaluating": "new"}

    def test_a_spread_is_one_line_of_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / "results.json"
        results = {"parts": {"ask": {"measured": {"sides": {"a": spread(1.0)}}}}}
        command._store(results, file)
        assert sum('"median"' in line and '"n": 5' in line for line in _lines(file)) == 1
        assert command._load(file)["parts"] == results["parts"]

    def test_nothing_to_render_is_an_error_and_writes_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(typer.BadParameter, match="measure first"):
            command._render({"parts": {}}, tmp_path, tmp_path / "results.json")
        assert list(tmp_path.iterdir()) == []


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def stored() -> Any:
    return json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))


class TestWhatIsCommitted:
    def test_the_report_is_made_from_the_results(self, stored: Any) -> None:
        report = (ROOT / "benchmarks" / "report.md").read_text(encoding="utf-8")
        assert report == render(stored)

    def test_what_pages_quote_is_made_from_the_results(self, stored: Any) -> None:
        assert stored["quoted"] == quoted(stored)

    def test_every_quoted_entry_is_read_by_a_page_or_a_lab(self, stored: Any) -> None:
        read = set().union(*(_read_by(page.read_text(encoding="utf-8")) for page in pages()))
        assert stored["quoted"].keys() == {row.key for row in QUOTED} | {"bench.targets"}
        assert stored["quoted"].keys() - read == set()

    def test_pictures_are_drawn_for_what_was_measured(self, stored: Any, tmp_path: Path) -> None:
        parts = {name: stored["parts"][name] for name in ("indexes", "evaluating")}
        write({"parts": parts}, tmp_path)
        drawn = {file.stem for file in (tmp_path / "figures").glob("*.png")}
        assert drawn == {"latency", "widths"}
        report = (tmp_path / "report.md").read_text(encoding="utf-8")
        assert set(re.findall(r"\(figures/(\w+)\.png\)", report)) == drawn
        committed = {file.stem for file in (ROOT / "benchmarks" / "figures").glob("*.png")}
        assert committed == set(PICTURES)

    def test_the_readme_names_the_processor_of_its_numbers(self, stored: Any) -> None:
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        assert stored["parts"]["encoding"]["environment"]["cpu"] in readme

    def test_no_part_was_measured_in_a_hurry(self, stored: Any) -> None:
        assert [name for name, part in stored["parts"].items() if part["quick"]] == []


def _read_by(text: str) -> set[str]:
    """The keys that a page quotes, and those of times that a lab looks up by their last part."""
    looked_up = {f"time.{name}" for name in re.findall(r'"([a-z]\w*(?:\.[\w-]+)*)"', text)}
    return looked_up | {m["key"] for pattern in (QUOTE, TABLE) for m in pattern.finditer(text)}
