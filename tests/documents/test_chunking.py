"""Chunks are exact slices, cover the text, and respect the size that was asked for."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ragkit
from ragkit.documents.chunking import Chunk, sentence_spans, to_documents, word_spans
from ragkit.documents.spans import Span

WORDS = ["write", "wrote", "l'été", "don't", "3,5", "über", "日本", "🙂", "…", "#", "(yes)", "_"]
ENDS = [". ", "! ", "? ", '." ', " ", "  ", "\n", "\n\n", "\r\n", "\t", "\n# Past\n", "\n## ¿Y?\n"]
PIECES = st.sampled_from([*WORDS, *ENDS])
TEXTS = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=80)
SIZES = st.integers(min_value=1, max_value=12)


@st.composite
def windows(draw: st.DrawFn) -> tuple[str, int, int]:
    """A text, a size and an overlap that is allowed with it."""
    size = draw(SIZES)
    return draw(TEXTS), size, draw(st.integers(min_value=0, max_value=size - 1))


def inside(chunk: Chunk, tokens: list[Span]) -> list[int]:
    """Positions of the tokens that lie in the chunk."""
    return [i for i, t in enumerate(tokens) if chunk.start <= t.start and t.end <= chunk.end]


def words_only(text: str) -> list[Span]:
    """Tokens for which punctuation is nothing."""
    return [Span(*match.span()) for match in re.finditer(r"\w+", text)]


def without_spaces(text: str) -> str:
    return "".join(text.split())


def is_slice(chunk: Chunk, text: str) -> bool:
    return 0 <= chunk.start < chunk.end <= len(text) and chunk.text == text[chunk.start : chunk.end]


# Windows of tokens


@given(windows())
def test_every_window_is_a_slice_of_the_text(case: tuple[str, int, int]) -> None:
    text, size, overlap = case
    assert all(is_slice(c, text) for c in ragkit.fixed_token_chunks(text, size, overlap))


@given(windows())
def test_windows_cover_every_token_in_order(case: tuple[str, int, int]) -> None:
    text, size, overlap = case
    tokens = word_spans(text)
    chunks = ragkit.fixed_token_chunks(text, size, overlap)
    covered = [i for chunk in chunks for i in inside(chunk, tokens)]
    assert sorted(set(covered)) == list(range(len(tokens)))
    assert [c.start for c in chunks] == sorted({c.start for c in chunks})


@given(windows())
def test_all_windows_but_the_last_hold_exactly_size_tokens(case: tuple[str, int, int]) -> None:
    text, size, overlap = case
    tokens = word_spans(text)
    held = [len(inside(c, tokens)) for c in ragkit.fixed_token_chunks(text, size, overlap)]
    assert all(count == size for count in held[:-1])
    assert all(1 <= count <= size for count in held)


@given(windows())
def test_neighbouring_windows_share_exactly_overlap_tokens(case: tuple[str, int, int]) -> None:
    text, size, overlap = case
    tokens = word_spans(text)
    held = [set(inside(c, tokens)) for c in ragkit.fixed_token_chunks(text, size, overlap)]
    shared = [len(a & b) for a, b in pairwise(held)]
    assert shared == [overlap] * max(0, len(held) - 1)


@given(windows())
def test_no_window_lies_inside_the_one_before_it(case: tuple[str, int, int]) -> None:
    chunks = ragkit.fixed_token_chunks(*case)
    assert all(b.end > a.end for a, b in pairwise(chunks))


def test_windows_by_hand() -> None:
    texts = [c.text for c in ragkit.fixed_token_chunks("a b c d e f g", size=3, overlap=1)]
    assert texts == ["a b c", "c d e", "e f g"]


def test_a_tokenizer_may_say_what_a_token_is() -> None:
    letters = ragkit.fixed_token_chunks("abcde", 2, 0, lambda t: [Span(i, i + 1) for i in range(5)])
    assert [c.text for c in letters] == ["ab", "cd", "e"]


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_a_text_without_tokens_has_no_chunks(text: str) -> None:
    assert ragkit.fixed_token_chunks(text) == []
    assert ragkit.sentence_chunks(text) == []
    assert ragkit.heading_chunks(text) == []


@pytest.mark.parametrize("size", [0, -1, 2.5, "8", True, None])
def test_a_bad_size_is_refused(size: Any) -> None:
    with pytest.raises(ragkit.DataError, match="size must be"):
        ragkit.fixed_token_chunks("a b", size)
    with pytest.raises(ragkit.DataError, match="size must be"):
        ragkit.sentence_chunks("a b", size)


@pytest.mark.parametrize("overlap", [-1, 4, 5, 1.5, "1", None])
def test_a_bad_overlap_is_refused(overlap: Any) -> None:
    with pytest.raises(ragkit.DataError, match="overlap must be"):
        ragkit.fixed_token_chunks("a b c d e f g h", size=4, overlap=overlap)


# Sentences


@given(TEXTS, SIZES)
def test_every_sentence_chunk_is_a_slice_of_the_text(text: str, size: int) -> None:
    assert all(is_slice(c, text) for c in ragkit.sentence_chunks(text, size))


@given(TEXTS, SIZES)
def test_a_sentence_chunk_over_size_is_one_sentence(text: str, size: int) -> None:
    sentences = sentence_spans(text)
    for chunk in ragkit.sentence_chunks(text, size):
        if len(word_spans(chunk.text)) > size:
            assert chunk.span in sentences


@given(TEXTS, SIZES)
def test_sentence_chunks_lose_and_repeat_nothing(text: str, size: int) -> None:
    chunks = ragkit.sentence_chunks(text, size)
    assert without_spaces("".join(c.text for c in chunks)) == without_spaces(text)


@given(TEXTS, SIZES)
def test_no_sentence_is_cut(text: str, size: int) -> None:
    chunks = ragkit.sentence_chunks(text, size)
    assert all(sum(c.holds(s) for c in chunks) == 1 for s in sentence_spans(text))


@given(TEXTS, SIZES)
def test_sentences_are_packed_as_tightly_as_they_fit(text: str, size: int) -> None:
    chunks = ragkit.sentence_chunks(text, size)
    for chunk, following in pairwise(chunks):
        first = next(s for s in sentence_spans(text) if s.start == following.start)
        next_length = len(word_spans(text[first.start : first.end]))
        assert len(word_spans(chunk.text)) + next_length > size


def test_sentence_chunks_by_hand() -> None:
    text = "I eat. You ate. She has eaten."
    assert [c.text for c in ragkit.sentence_chunks(text, 6)] == [text[:15], text[16:]]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("I go. You went!", ["I go.", "You went!"]),
        ('He said "go." She went.', ['He said "go."', "She went."]),
        ("It costs 3.50 today.", ["It costs 3.50 today."]),
        ("## Past\nWe went.", ["## Past", "We went."]),
        ("one\n\ntwo", ["one", "two"]),
        ("line one\nline two", ["line one\nline two"]),
        ("Really?! Yes.", ["Really?!", "Yes."]),
    ],
)
def test_where_sentences_end(text: str, sentences: list[str]) -> None:
    assert [text[s.start : s.end] for s in sentence_spans(text)] == sentences


def test_a_first_sentence_without_tokens_joins_the_chunk() -> None:
    chunks = ragkit.sentence_chunks("... Hello there.", size=4, tokens=words_only)
    assert [c.text for c in chunks] == ["... Hello there."]


# Headings


@given(TEXTS)
def test_heading_chunks_partition_the_text(text: str) -> None:
    chunks = ragkit.heading_chunks(text)
    assert all(is_slice(c, text) for c in chunks)
    assert all(a.end <= b.start for a, b in pairwise(chunks))
    assert without_spaces("".join(c.text for c in chunks)) == without_spaces(text)


def test_each_heading_starts_a_chunk_titled_by_it() -> None:
    text = "Before.\n\n# Past\n\nWent.\n\n### Perfect ###\nGone.\n"
    chunks = ragkit.heading_chunks(text)
    assert [c.text for c in chunks] == ["Before.", "# Past\n\nWent.", "### Perfect ###\nGone."]
    assert [c.heading for c in chunks][:2] == ["", "Past"]


def test_a_hashtag_is_no_heading() -> None:
    (chunk,) = ragkit.heading_chunks("#grammar is fun\nand more")
    assert chunk.heading == ""


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("# Past #", "Past"),
        ("### Perfect ###  ", "Perfect"),
        ("# C#", "C#"),
        ("#\tTab", "Tab"),
        ("# #", ""),
        ("####### Seven", ""),
        ("  # Indented", ""),
    ],
)
def test_a_heading_is_what_commonmark_calls_one(line: str, heading: str) -> None:
    (chunk,) = ragkit.heading_chunks(line + "\nWent.")
    assert chunk.heading == heading


def test_a_hashtag_ends_no_sentence() -> None:
    assert len(sentence_spans("#grammar is\nfun.")) == 1


@pytest.mark.parametrize("text", [None, 3, b"We went.", ["We went."]])
def test_what_is_no_text_is_refused(text: Any) -> None:
    for chunks in (ragkit.fixed_token_chunks, ragkit.sentence_chunks, ragkit.heading_chunks):
        with pytest.raises(ragkit.DataError, match=r"text is \w+, not a string"):
            chunks(text)


def test_crlf_does_not_reach_the_heading() -> None:
    chunks = ragkit.heading_chunks("# Past\r\nWent.\r\n# Perfect\r\nGone.\r\n")
    assert [c.heading for c in chunks] == ["Past", "Perfect"]


# Gold answers


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), st.integers(1, 20))
def test_a_chunk_holds_an_answer_that_lies_wholly_inside(
    start: int, length: int, answer: int, answer_length: int
) -> None:
    chunk = Chunk("x" * length, start, start + length)
    span = Span(answer, answer + answer_length)
    assert chunk.holds(span) == (start <= answer and answer + answer_length <= start + length)


@given(windows())
def test_an_overlap_holds_every_answer_that_is_no_longer(case: tuple[str, int, int]) -> None:
    text, size, overlap = case
    tokens = word_spans(text)
    chunks = ragkit.fixed_token_chunks(text, size, overlap)
    for first in range(max(0, len(tokens) - overlap)):
        answer = Span(tokens[first].start, tokens[first + max(0, overlap - 1)].end)
        assert any(c.holds(answer) for c in chunks)


def test_chunks_become_numbered_documents() -> None:
    documents = to_documents(ragkit.heading_chunks("# Past\nWent.\n# Perfect\nGone.\n"))
    assert documents[1] == ragkit.Document("chunk-0001", "# Perfect\nGone.", "Perfect")
    assert documents[0].doc_id == "chunk-0000"
