"""Submissions whose answers are odd objects: each costs its own item and no other."""

from __future__ import annotations

from hostile import Attack, costs
from submissions import FULL, OK

_DEEP = "deep = []\nfor _ in range(100_000):\n    deep = [deep]\nreturn deep"
_ITSELF = "loop = []\nloop.append(loop)\nreturn loop"

_YES = """
class Yes:
    def __eq__(self, other):
        return True

    __hash__ = None
    __bool__ = __lt__ = __gt__ = lambda *_: True


class YesNumber(float):
    __eq__ = __ne__ = __le__ = __ge__ = lambda *_: True
    __hash__ = float.__hash__
    __sub__ = __rsub__ = lambda *_: 0.0


class YesText(str):
    __eq__ = lambda *_: True
    __hash__ = str.__hash__
    strip = lower = lambda *_: "uniform"


class YesArray(np.ndarray):
    __eq__ = lambda *_: True

    def __array_function__(self, *_):
        return True


class Liar:
    __class__ = float


class Forever:
    def __array__(self, *_, **__):
        while True:
            pass


class Sticky:
    def detach(self):
        while True:
            pass


class Shout:
    def __repr__(self):
        raise RuntimeError("<script>alert(1)</script>")

    __str__ = __repr__
    __len__ = __iter__ = __float__ = __repr__


Named = type("<script>alert(1)</script>" * 1000, (), {})
"""


def _odd(name: str, why: str, unsure: tuple[str, ...] = (), **bodies: str) -> Attack:
    """Wrong values of odd kinds, after the classes above; of the unsure only the score is known."""
    marks = {**OK, **dict.fromkeys(bodies, "incorrect")}
    expected = {item: marks[item] for item in marks if item not in unsure}
    scores = {**FULL, **dict.fromkeys(bodies, 0.0)}
    return Attack(name, why, _YES, bodies, expected=expected, scores=scores)


_DRILLS = {
    "drill_01_1": "drill_01_1 = (YesNumber(1), YesNumber(2))",
    "drill_01_3": "drill_01_3 = Yes()",
    "drill_01_5": "drill_01_5 = (YesNumber(0.2), YesText('one-hot'), 'A reason of few words.')",
}

ODDITIES = [
    _odd(
        "odd-values",
        "generator, nested 100,000 deep, a list in itself, nan, 10**10000, complex",
        mean_pool="return (row for row in states)",
        normalise=_DEEP,
        top_k=_ITSELF,
        hit_rate="return float('nan')",
        info_nce="return 10**10000",
        mean_cosine="return 0.5 + 1j",
    ),
    _odd(
        "odd-objects",
        "equal to everything, of a false class, whose __array__ or detach never ends",
        unsure=("top_k", "info_nce", "mean_cosine"),
        mean_pool="return np.zeros(states[:, 0].shape).view(YesArray)",
        normalise="return Yes()",
        top_k="return Liar()",
        hit_rate="return YesNumber(-7)",
        info_nce="return Forever()",
        mean_cosine="return Sticky()",
    ),
    _odd(
        "odd-shapes",
        "inf, text, 10**12 zeros in no memory, hostile names and descriptions",
        mean_pool="return np.broadcast_to(0.0, (10**6, 10**6))",
        normalise="return np.full(rows.shape, np.inf)",
        top_k="return [Shout()] * k",
        hit_rate="return '<script>alert(1)</script>'",
        info_nce="return Named()",
        mean_cosine="return {'score': 2, 'status': 'correct'}",
    ),
    Attack(
        "odd-drills",
        "wrong drills equal to everything",
        _YES,
        sources=_DRILLS,
        expected={i: OK[i] for i in OK if not i.startswith("drill_01_3")}
        | {"drill_01_1": "incorrect", "drill_01_5": "incorrect"},
        scores={**FULL, "drill_01_1": (0.0, 1.0), "drill_01_3": 0.0, "drill_01_5": (0.0, 1.0)},
    ),
    costs("long-list", "a list of 10**8 numbers", None, mean_pool="return [0] * 10**8"),
    costs(
        "recurses", "a function that calls itself", None, top_k="return top_k(query, documents, k)"
    ),
]
