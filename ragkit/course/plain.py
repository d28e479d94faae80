"""Turn values into plain data and back: JSON that crosses between processes or lies in a bundle.

Nothing is ever unpickled, so reading an answer cannot run code. Arrays keep dtype and shape, tuples
stay tuples, and what has no plain form arrives as `Opaque`: its type and a short description.
"""

from __future__ import annotations

import math
import re
import unicodedata
from array import array
from collections import deque
from collections.abc import KeysView, ValuesView
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from numbers import Real
from typing import Any

import numpy as np

MAX_DEPTH = 8
MAX_NUMBERS = 100_000
MAX_PAIRS = 10_000  # of a dict, whose keys may be chosen to collide
MAX_TEXT = 20_000
MAX_SHOWN = 80
_TOO_LARGE = ", too large to show>"
_DTYPE = re.compile(r"[<>|=]?[biuf]\d{1,2}")
_KINDS = "biuf"  # bool, int, unsigned, float: the dtypes that have a plain form


@dataclass(frozen=True, slots=True)
class Opaque:
    """Stands for a value without a plain form."""

    type_name: str
    shown: str = ""

    def __repr__(self) -> str:
        return self.shown or f"<{self.type_name}>"

    @property
    def too_large(self) -> bool:
        """Whether the value would have a plain form if there were less of it."""
        return self.shown.endswith(_TOO_LARGE)


def encode(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Turn `value` into data that `json` can write; what is too deep, long or odd is `Opaque`."""
    try:
        return _encode(value, depth)
    except Exception:  # objects of a student's own may raise anything when looked at
        return _opaque(value)


def _encode(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)[:MAX_TEXT]
    if isinstance(value, int):
        whole = int(value)
        return whole if whole.bit_length() < 64 else _opaque(value)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, Real | Decimal):  # a float, a fraction, a numpy scalar
        return _number(float(value))
    if isinstance(value, list | tuple | dict):
        return _container(value, depth)
    if isinstance(value, range | array | deque | KeysView | ValuesView):
        return _container(list(islice(value, MAX_NUMBERS + 1)), depth)
    return _array(_as_array(value), value, depth)


def decode(data: Any) -> Any:
    """Restore the value that `encode` made plain; ValueError for data of another form."""
    if data is None or isinstance(data, bool | float):
        return data
    if isinstance(data, int) and data.bit_length() < 64:
        return data
    if isinstance(data, str):
        return clean(data[:MAX_TEXT])
    if isinstance(data, list) and len(data) <= MAX_NUMBERS:
        return [decode(entry) for entry in data]
    match data:
        case {"float": str(text)}:
            return float(text)
        case {"tuple": list(entries)} if len(entries) <= MAX_NUMBERS:
            return tuple(decode(entry) for entry in entries)
        case {"dict": list(pairs)} if len(pairs) <= MAX_PAIRS:
            return {decode(key): decode(entry) for key, entry in pairs}
        case {"array": str(dtype), "shape": list(shape), "data": list(numbers)}:
            if not _DTYPE.fullmatch(dtype) or max([*shape, len(numbers)]) > MAX_NUMBERS:
                raise ValueError(f"no plain array has dtype {dtype[:20]!r}")
            return np.array([_entry(n) for n in numbers], dtype=dtype).reshape(shape)
        case {"opaque": str(name), "shown": str(shown)}:
            return Opaque(clean(name)[:MAX_SHOWN], clean(shown)[:MAX_SHOWN])
    raise ValueError(f"no plain form: {str(data)[:80]}")


def _entry(number: Any) -> Any:
    """A number of an array; an integer may need all 64 bits, as uint64 does."""
    whole = isinstance(number, int) and number.bit_length() <= 64
    return number if whole else decode(number)


def clean(text: str) -> str:
    """A text that every file can hold: control characters and lone surrogates become "�"."""
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs") else "�" for c in text
    )


def _number(value: float) -> Any:
    return value if math.isfinite(value) else {"float": repr(value)}


def _as_array(value: Any) -> Any:
    """A numpy array of what calls itself an array: numpy's, torch's, pandas'."""
    if hasattr(value, "detach") and hasattr(value, "is_complex") and not value.is_complex():
        return value.detach().cpu().double().numpy()  # numpy refuses gradients and 16 bits
    if isinstance(value, np.ndarray | np.generic) or hasattr(value, "__array__"):
        return np.asarray(value)
    raise TypeError(type(value).__name__)


def _array(found: Any, value: Any, depth: int) -> Any:
    if found.size > MAX_NUMBERS or max(found.shape, default=0) > MAX_NUMBERS:
        return _opaque(found)
    if found.dtype.kind == "O":
        return encode(found.tolist(), depth)
    if found.dtype.kind not in _KINDS:
        return _odd(type(value).__name__, found.dtype.name)
    if found.dtype.kind == "f" and found.dtype.itemsize > 8:
        found = found.astype(np.float64)
    numbers = found.ravel().tolist()
    if found.dtype.kind == "f":
        numbers = [_number(number) for number in numbers]
    return {"array": found.dtype.str, "shape": list(found.shape), "data": numbers}


def _container(value: Any, depth: int) -> Any:
    if depth == 0 or len(value) > (MAX_PAIRS if isinstance(value, dict) else MAX_NUMBERS):
        return _opaque(value)
    if isinstance(value, dict):
        pairs = [[encode(k, depth - 1), encode(v, depth - 1)] for k, v in value.items()]
        for key, _ in pairs:
            hash(decode(key))  # TypeError for what cannot be a key again, such as an array
        return {"dict": pairs}
    entries = [encode(entry, depth - 1) for entry in value]
    return {"tuple": entries} if isinstance(value, tuple) else entries


def _opaque(value: Any) -> Any:
    name = type(value).__name__[:60]
    too_large = isinstance(value, int | list | tuple | dict | np.ndarray)
    return {"opaque": name, "shown": f"<{name}{_TOO_LARGE}"} if too_large else _odd(name)


def _odd(name: str, entries: str = "") -> Any:
    of = f" of {entries}" if entries not in ("", name) else ""
    return {"opaque": name[:60], "shown": f"<{name}{of}>"[:MAX_SHOWN]}
