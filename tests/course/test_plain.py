"""Values as plain data: there and back, and what is refused."""

from __future__ import annotations

import json
import math
import sys
from datetime import UTC, datetime
from fractions import Fraction
from io import BytesIO, TextIOWrapper
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ragkit.course import plain
from ragkit.course.plain import Opaque


def through(value: Any) -> Any:
    """A value after its way through strict JSON."""
    return plain.decode(json.loads(json.dumps(plain.encode(value), allow_nan=False)))


def alike(a: Any, b: Any) -> bool:
    """Equal in type and value, nan included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        same = a.dtype == b.dtype and a.shape == b.shape
        return same and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, dict):
        return alike(list(a.items()), list(b.items()))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(alike, a, b))
    return repr(a) == repr(b)  # tells -0.0 from 0.0, and nan equals nan


def cleaned(value: Any) -> Any:
    """The value with each text in it cleaned."""
    if isinstance(value, str):
        return plain.clean(value)
    if isinstance(value, dict):
        return {cleaned(key): cleaned(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(cleaned, value))
    return value


# Round trips

INT64 = st.integers(1 - 2**63, 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=()))  # control characters, lone surrogates
KEYS = st.none() | st.booleans() | INT64 | st.floats(allow_nan=False) | TEXT
DTYPES = [*("?", "i1", "<i2", ">i4", "i8", "u1", ">u2", "u4", "u8"), *("<f2", ">f4", "f8")]
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)
VALUES = st.recursive(
    st.none() | st.booleans() | INT64 | st.floats() | TEXT | ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS | st.tuples(KEYS, KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(VALUES)
def test_a_value_comes_back_with_its_types(value: Any) -> None:
    assert alike(through(value), cleaned(value))


@pytest.mark.parametrize("dtype", ["i8", "u8"])
def test_an_array_keeps_the_ends_of_its_range(dtype: str) -> None:
    ends = np.array([np.iinfo(dtype).min, np.iinfo(dtype).max], dtype=dtype)
    assert alike(through(ends), ends)


class Pair(NamedTuple):
    first: int
    second: float


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (Fraction(1, 4), 0.25),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3.0),
        (np.bool_(True), True),
        (range(3), [0, 1, 2]),
        (Pair(1, 2.0), (1, 2.0)),
        (np.array([[1, None], ["a", 2.5]], dtype=object), [[1, None], ["a", 2.5]]),
        (np.array([1.5, np.inf], dtype=np.longdouble), np.array([1.5, np.inf])),
        (np.longdouble(1.5), 1.5),
        (torch.tensor([[1.5], [math.nan]], requires_grad=True), np.array([[1.5], [np.nan]])),
        (torch.tensor([1.5, -2.0], dtype=torch.bfloat16), np.array([1.5, -2.0])),
        (torch.tensor(3), np.array(3.0)),
        (torch.tensor([True, False]), np.array([1.0, 0.0])),
        (torch.empty(0, 2), np.empty((0, 2))),
        (pd.Series([1, 2]), np.array([1, 2])),
        (pd.Series(["a", "b"]), ["a", "b"]),
        (pd.DataFrame({"a": [1.0, 2.0]}), np.array([[1.0], [2.0]])),
    ],
    ids=lambda value: f"{type(value).__name__} {value!r}"[:40],
)
def test_what_resembles_a_value_becomes_one(value: Any, arrives: Any) -> None:
    assert alike(through(value), arrives)


def nested(depth: int, inner: Any = 1) -> Any:
    return [nested(depth - 1, inner)] if depth else inner


class RaisingArray:
    def __array__(self, *_: Any, **__: Any) -> Any:
        raise KeyError("no array")


FOREIGN = [
    object(),
    (n for n in ()),
    zip((), (), strict=True),
    {1, 2},
    b"bytes",
    1j,
    2**63,
    -(2**63),
    datetime(2026, 1, 1, tzinfo=UTC),
    sys,
    int,
    len,
    np.array(["a"]),
    np.array([1j]),
    np.datetime64("2026-01-01"),
    np.zeros(2, dtype=[("a", "f4")]),
    torch.empty(2, device="meta"),
    torch.eye(2).to_sparse(),
    [0] * (plain.MAX_NUMBERS + 1),
    range(10**12),
    np.zeros(plain.MAX_NUMBERS + 1),
]


@pytest.mark.parametrize("value", FOREIGN, ids=lambda value: type(value).__name__)
def test_what_has_no_plain_form_arrives_opaque(value: Any) -> None:
    arrived = through([1, value])
    assert arrived[0] == 1
    assert isinstance(arrived[1], Opaque)
    shown = "list" if isinstance(value, range) else type(value).__name__
    assert arrived[1].type_name == shown
    assert shown in repr(arrived[1])


@pytest.mark.filterwarnings("ignore:Casting complex values")
@pytest.mark.parametrize(
    "value",
    [Fraction(10**400), TextIOWrapper(BytesIO()), RaisingArray(), torch.tensor([1j])],
    ids=lambda value: type(value).__name__,
)
def test_what_fails_to_become_plain_arrives_opaque(value: Any) -> None:
    assert isinstance(through(value), Opaque)


def test_what_is_nested_too_deeply_arrives_opaque_at_the_bottom() -> None:
    assert through(nested(plain.MAX_DEPTH)) == nested(plain.MAX_DEPTH)
    bottom: Any = through(nested(plain.MAX_DEPTH + 2))
    for _ in range(plain.MAX_DEPTH):
        (bottom,) = bottom
    assert bottom == Opaque("list", "<list, too large to show>")


def test_a_list_that_holds_itself_has_an_end() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert "Opaque" not in repr(through(endless))
    assert repr(through(endless)).count("[") == plain.MAX_DEPTH


def test_a_long_text_is_cut() -> None:
    assert len(through("é" * (plain.MAX_TEXT + 5))) == plain.MAX_TEXT


@pytest.mark.parametrize("key", [np.True_, np.int64(1)], ids=["bool", "int"])
def test_a_key_that_calls_itself_an_array_can_be_decoded(key: Any) -> None:
    assert list(through({key: 1}).values()) == [1]


# Texts


@given(TEXT)
def test_a_cleaned_text_can_be_written_and_stays_as_it_is(text: str) -> None:
    clean = plain.clean(text)
    assert clean.encode("utf-8").decode() == clean
    assert plain.clean(clean) == clean
    assert len(clean) == len(text)
    assert not {c for c in clean if c < " " or "\x7f" <= c <= "\x9f"} - {"\n", "\t"}


def test_cleaning_leaves_what_people_write() -> None:
    text = "¿Sí? «τ → ∞»\n\t\"naïve\" 👍🏽 'x' = \\alpha"
    assert plain.clean(text) == text
    assert plain.clean("a\0b\x1b[31m\r\x85") == "a�b�[31m��"


def test_a_lone_surrogate_is_replaced_visibly() -> None:
    assert plain.clean("a\ud800") == "a�"


def test_the_texts_of_something_opaque_are_cleaned() -> None:
    shown = repr(plain.decode({"opaque": "x\x1b", "shown": "\x1b[31m" + "x" * plain.MAX_TEXT}))
    assert "\x1b" not in shown
    assert len(shown) <= plain.MAX_TEXT


# Decoding what anybody may have written

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
SHAPES = st.lists(st.integers(-2, 4) | st.just(2**70), max_size=3)
NAMES = st.sampled_from(
    [*DTYPES, "O", "V8", "U5", "M8[s]", "f16", "8f4", "f4,f4", "(2,)f4", "", "?"]
)
TAGGED = st.recursive(
    JSON,
    lambda inner: (
        st.fixed_dictionaries({"float": inner | st.sampled_from(["nan", "-inf", "1_0", "0x1"])})
        | st.fixed_dictionaries({"tuple": inner | st.lists(inner, max_size=3)})
        | st.fixed_dictionaries({"dict": inner | st.lists(st.lists(inner, max_size=3), max_size=3)})
        | st.fixed_dictionaries(
            {
                "array": NAMES | st.text("abcfiOSUV<>|=[]", max_size=6) | inner,
                "shape": SHAPES | inner,
                "data": st.lists(inner | st.floats() | INT64, max_size=4) | inner,
            }
        )
        | st.fixed_dictionaries({"opaque": inner, "shown": inner})
    ),
    max_leaves=8,
)


def is_plain(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biuf"
    if isinstance(value, dict):
        return all(is_plain(key) and is_plain(entry) for key, entry in value.items())
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    return value is None or type(value) in (bool, int, float, str, Opaque)


@pytest.mark.filterwarnings("ignore")  # of dtypes that are going out of use
@settings(max_examples=200, deadline=None)
@given(TAGGED)
def test_whatever_is_decoded_is_plain_or_refused(data: Any) -> None:
    try:
        value = plain.decode(data)
    except (ValueError, TypeError, OverflowError):
        return
    assert is_plain(value)


@pytest.mark.parametrize(
    "data",
    [
        {"array": "O", "shape": [1], "data": ["x"]},
        {"array": "V8", "shape": [1], "data": [1]},
        {"array": "U5", "shape": [1], "data": ["a"]},
        {"array": "f4,f4", "shape": [1], "data": [1]},
        {"array": "<f8", "shape": [3], "data": [1]},
        {"array": "<f8", "shape": [1], "data": [{"opaque": "x", "shown": ""}]},
        {"array": "<u1", "shape": [1], "data": [300]},
        {"float": "__import__('os')"},
        {"dict": [[[], 1]]},
        {"dict": [1]},
        {"unknown": 1},
        {},
    ],
    ids=str,
)
def test_data_of_another_form_is_refused(data: Any) -> None:
    with pytest.raises((ValueError, TypeError, OverflowError)):
        plain.decode(data)


@pytest.mark.parametrize("dtype", ["(1,", "01f4", "1" * 5_000 + "f4"], ids=["(1,", "01f4", "long"])
def test_an_odd_dtype_is_refused_as_other_data_is(dtype: str) -> None:
    with pytest.raises((ValueError, TypeError, OverflowError)):
        plain.decode({"array": dtype, "shape": [1], "data": [1]})
