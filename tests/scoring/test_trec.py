"""TREC files: trec_eval, reading what we write, ranks as we do, ties included."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytrec_eval
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ragkit

DOCUMENTS = [f"d{number}" for number in range(25)]

tied = st.sampled_from([0.0, -0.0, 0.1, 1.0, 1.0 + 1e-12, 1.0 - 1e-12, -2.5, 1e-45, -1e-45, 3e38])
scores = st.one_of(tied, tied, st.floats(-1e30, 1e30))
finite_float32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
rankings = st.dictionaries(st.sampled_from(DOCUMENTS), scores, min_size=1)
per_example = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the file is written anew
)


def our_order(ranking: dict[str, float]) -> list[str]:
    """The tie rule, spelled out: score descending, then doc_id ascending."""
    return sorted(sorted(ranking), key=lambda doc_id: -ranking[doc_id])


def order_of_trec_eval(path: Path, query_id: str) -> list[str]:
    """The order in which trec_eval ranks one query of a run file.

    It tells ranks only through measures, so each document in turn is made the one relevant: its
    reciprocal rank gives its place away.
    """
    with path.open(encoding="utf-8") as stream:
        ranking = pytrec_eval.parse_run(stream)[query_id]
    evaluator = pytrec_eval.RelevanceEvaluator({d: {d: 1} for d in ranking}, {"recip_rank"})
    found = evaluator.evaluate(dict.fromkeys(ranking, ranking))
    return sorted(ranking, key=lambda doc_id: 1 / found[doc_id]["recip_rank"])


# The order survives


@given(ranking=rankings)
@per_example
def test_trec_eval_reproduces_our_order(tmp_path: Path, ranking: dict[str, float]) -> None:
    ragkit.to_trec({"q": ranking}, tmp_path / "run.txt")
    assert order_of_trec_eval(tmp_path / "run.txt", "q") == our_order(ranking)


@pytest.mark.parametrize("score", [0.0, 1.0, -11.1605, 1e-40, 16_777_216.0])
def test_a_run_of_nothing_but_ties_keeps_doc_id_order(tmp_path: Path, score: float) -> None:
    ragkit.to_trec({"q": dict.fromkeys(DOCUMENTS, score)}, tmp_path / "run.txt")
    assert order_of_trec_eval(tmp_path / "run.txt", "q") == sorted(DOCUMENTS)


def test_d10_comes_before_d2_when_their_scores_are_equal(tmp_path: Path) -> None:
    ragkit.to_trec({"q": {"d2": 0.5, "d10": 0.5}}, tmp_path / "run.txt")
    assert order_of_trec_eval(tmp_path / "run.txt", "q") == ["d10", "d2"]


@pytest.mark.parametrize("score", [1e300, -1e300])
@pytest.mark.filterwarnings("error")
def test_scores_beyond_float32_keep_their_order(tmp_path: Path, score: float) -> None:
    ragkit.to_trec({"q": {"d2": score, "d10": score}}, tmp_path / "run.txt")
    assert order_of_trec_eval(tmp_path / "run.txt", "q") == ["d10", "d2"]


@given(ranking=rankings, relevant=st.sampled_from(DOCUMENTS))
@per_example
def test_trec_eval_scores_the_file_as_we_score_the_run(
    tmp_path: Path, ranking: dict[str, float], relevant: str
) -> None:
    qrels = {"q": {relevant: 1}}
    ragkit.to_trec({"q": ranking}, tmp_path / "run.txt")
    ragkit.qrels_to_trec(qrels, tmp_path / "qrels.txt")
    with (tmp_path / "run.txt").open() as run, (tmp_path / "qrels.txt").open() as judgements:
        evaluator = pytrec_eval.RelevanceEvaluator(pytrec_eval.parse_qrel(judgements), {"ndcg"})
        expected = evaluator.evaluate(pytrec_eval.parse_run(run))["q"]["ndcg"]
    assert ragkit.evaluate(qrels, {"q": ranking}, "ndcg").mean["ndcg"] == pytest.approx(expected)


# The format


def test_a_run_line_is_qid_q0_docid_rank_score_tag() -> None:
    text = ragkit.to_trec({"q2": {"a": 0.25}, "q1": {"b": 1.0, "c": 2.0}}, tag="mine")
    assert text == "q1 Q0 c 1 2 mine\nq1 Q0 b 2 1 mine\nq2 Q0 a 1 0.25 mine\n"


def test_a_qrels_line_is_qid_0_docid_relevance() -> None:
    assert ragkit.qrels_to_trec({"q1": {"b": 0, "a": 2}}) == "q1 0 a 2\nq1 0 b 0\n"


def test_what_is_returned_is_what_is_written(tmp_path: Path) -> None:
    run, qrels = {"q": {"día": 1.0, "日本": 1.0}}, {"q": {"día": 1}}
    text = ragkit.to_trec(run, tmp_path / "run.txt")
    assert (tmp_path / "run.txt").read_bytes() == text.encode()
    text = ragkit.qrels_to_trec(qrels, tmp_path / "qrels.txt")
    assert (tmp_path / "qrels.txt").read_bytes() == text.encode()


@pytest.mark.parametrize("bad", ["", "d 1", "d\t1", "d\n1", " d1", "d\u00a01"])
def test_an_id_that_would_break_the_line_is_refused(bad: str) -> None:
    with pytest.raises(ragkit.DataError, match="no spaces"):
        ragkit.to_trec({"q": {bad: 1.0}})
    with pytest.raises(ragkit.DataError, match="no spaces"):
        ragkit.to_trec({bad: {"d": 1.0}})
    with pytest.raises(ragkit.DataError, match="no spaces"):
        ragkit.to_trec({"q": {"d": 1.0}}, tag=bad)
    with pytest.raises(ragkit.DataError, match="no spaces"):
        ragkit.qrels_to_trec({"q": {bad: 1}})


def test_an_id_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(ragkit.DataError, match="not valid Unicode"):
        ragkit.to_trec({"q": {"d\ud800": 1.0}})


@pytest.mark.parametrize("score", [float("nan"), float("inf"), None, "high"])
def test_a_score_that_is_not_a_finite_number_is_not_written(score: float) -> None:
    with pytest.raises(ragkit.DataError, match="'d2' for 'q'"):
        ragkit.to_trec({"q": {"d1": 1.0, "d2": score}})


@pytest.mark.parametrize("relevance", [0.5, "1", None])
def test_a_relevance_that_is_not_a_whole_number_is_not_written(relevance: Any) -> None:
    with pytest.raises(ragkit.DataError, match=r"'d2' for 'q' .* not a whole number"):
        ragkit.qrels_to_trec({"q": {"d1": 1, "d2": relevance}})


def test_whatever_is_a_whole_number_is_written_as_one() -> None:
    assert ragkit.qrels_to_trec({"q": {"a": True, "b": np.int64(2)}}) == "q 0 a 1\nq 0 b 2\n"


@pytest.mark.parametrize("write", [ragkit.to_trec, ragkit.qrels_to_trec])
@pytest.mark.parametrize("other", [None, ["q"], "q", {"q": ["d1"]}, {"q": None}])
def test_what_is_no_map_of_maps_is_not_written(write: Callable[[Any], str], other: Any) -> None:
    with pytest.raises(ragkit.DataError, match=r"is \w+, not \{"):
        write(other)


# There and back


@given(ranking=rankings)
@per_example
def test_a_run_read_back_has_the_same_order(tmp_path: Path, ranking: dict[str, float]) -> None:
    ragkit.to_trec({"q": ranking}, tmp_path / "run.txt")
    assert our_order(ragkit.from_trec(tmp_path / "run.txt")["q"]) == our_order(ranking)


@given(values=st.lists(finite_float32, min_size=1, unique=True))
@per_example
def test_distinct_float32_scores_come_back_exactly(tmp_path: Path, values: list[float]) -> None:
    ranking = {f"d{n}": value for n, value in enumerate(values)}
    ragkit.to_trec({"q": ranking}, tmp_path / "run.txt")
    read = ragkit.from_trec(tmp_path / "run.txt")["q"]
    assert {doc_id: np.float32(score) for doc_id, score in read.items()} == ranking


@given(ranking=rankings)
@per_example
def test_writing_what_was_read_changes_nothing(tmp_path: Path, ranking: dict[str, float]) -> None:
    text = ragkit.to_trec({"q": ranking}, tmp_path / "run.txt")
    assert ragkit.to_trec(ragkit.from_trec(tmp_path / "run.txt")) == text


@given(
    qrels=st.dictionaries(
        st.sampled_from(["q1", "q2", "q10"]),
        st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(-2, 4), min_size=1),
    )
)
@per_example
def test_qrels_read_back_are_the_same(tmp_path: Path, qrels: dict[str, dict[str, int]]) -> None:
    ragkit.qrels_to_trec(qrels, tmp_path / "qrels.txt")
    assert ragkit.qrels_from_trec(tmp_path / "qrels.txt") == qrels


def test_numpy_scores_are_written_as_numbers(tmp_path: Path) -> None:
    ragkit.to_trec({"q": {"a": np.float32(0.1)}}, tmp_path / "run.txt")
    assert ragkit.from_trec(tmp_path / "run.txt") == {"q": {"a": pytest.approx(0.1)}}


def test_blank_lines_tabs_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    path.write_bytes(b"q Q0 a 1 2.5 x\r\n\r\nq\tQ0\tb\t2\t1.5\tx")
    assert ragkit.from_trec(path) == {"q": {"a": 2.5, "b": 1.5}}


# What is refused


@pytest.mark.parametrize(
    "line",
    [
        b"q Q0 d2 2 0.5",
        b"q Q0 d2 2 0.5 ragkit extra",
        b"q Q0 d2 2 high ragkit",
        b"q Q0 d2 2 nan ragkit",
        b"q Q0 d2 2 -inf ragkit",
        b"q Q0 d1 2 0.5 ragkit",
        b"q Q0 d\xff 2 0.5 ragkit",
    ],
    ids=["short", "long", "no number", "nan", "infinite", "ranked twice", "not UTF-8"],
)
def test_a_malformed_run_line_is_named_by_file_and_line(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "run.txt"
    path.write_bytes(b"q Q0 d1 1 1.0 ragkit\n\n" + line + b"\n")
    with pytest.raises(ragkit.DataError, match=r"run\.txt:3: "):
        ragkit.from_trec(path)


@pytest.mark.parametrize(
    "line",
    [b"q 0 d2", b"q 0 d2 1 1", b"q 0 d2 yes", b"q 0 d2 1.5", b"q 0 d1 0", b"q 0 d\xff 1"],
    ids=["short", "long", "no number", "no whole number", "judged twice", "not UTF-8"],
)
def test_a_malformed_qrels_line_is_named_by_file_and_line(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "qrels.txt"
    path.write_bytes(b"q 0 d1 1\n" + line + b"\n")
    with pytest.raises(ragkit.DataError, match=r"qrels\.txt:2: "):
        ragkit.qrels_from_trec(path)


@pytest.mark.parametrize(
    ("read", "writer"),
    [(ragkit.from_trec, "to_trec"), (ragkit.qrels_from_trec, "qrels_to_trec")],
)
def test_a_missing_file_is_named_and_what_to_pass(
    tmp_path: Path, read: Callable[[Path], object], writer: str
) -> None:
    with pytest.raises(ragkit.DataError, match=rf"run\.txt: no such file.*as {writer} writes") as e:
        read(tmp_path / "run.txt")
    assert "BEIR" not in str(e.value)


def test_scores_below_the_lowest_number_of_trec_eval_stay_finite_and_in_order() -> None:
    text = ragkit.to_trec({"q": {"a": -1e39, "b": -2e39, "c": -3e39}})
    written = np.array([line.split()[4] for line in text.splitlines()], dtype=np.float32)
    assert np.isfinite(written).all()
    assert (np.diff(written) < 0).all()
