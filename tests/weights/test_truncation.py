"""What is cut is counted each time and warned about once, from the line that asked for it."""

from __future__ import annotations

import warnings

import pytest

from ragkit.errors import RagkitWarning
from ragkit.weights.truncation import Truncating


class Reader(Truncating):
    """Takes lengths for texts; a model is not needed to count them."""

    name, max_length = "reader", 10

    def read(self, *lengths: int) -> None:
        self._encode(lengths)

    def _encode(self, lengths: tuple[int, ...]) -> None:
        self._report_truncation(lengths)


class PairReader(Reader):
    _inputs, _advice = "pairs", "Pass shorter ones."


def test_the_limit_itself_is_not_cut() -> None:
    reader = Reader()
    reader.read(1, 10)
    reader.read()
    assert reader.truncated == 0


def test_the_first_cut_is_warned_about_and_every_one_is_counted() -> None:
    reader = Reader()
    sentence = r"reader: 2 of 3 texts are longer than 10 tokens \(the longest has 40\)"
    with pytest.warns(RagkitWarning, match=sentence) as first:
        reader.read(11, 10, 40)
    reader.read(12)  # a second warning would be an error here
    assert (len(first), reader.truncated) == (1, 3)


def test_each_reader_warns_and_counts_for_itself() -> None:
    readers = Reader(), Reader()
    for reader in readers:
        with pytest.warns(RagkitWarning):
            reader.read(11)
    assert [reader.truncated for reader in readers] == [1, 1]


def test_a_warning_names_what_is_read_and_what_to_do() -> None:
    with pytest.warns(RagkitWarning, match=r"1 of 1 pairs .* cut there\. Pass shorter ones\.$"):
        PairReader().read(11)


def test_a_warning_that_is_made_an_error_is_raised_once() -> None:
    reader = Reader()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RagkitWarning):
            reader.read(11)
        reader.read(11)
    assert reader.truncated == 2
