"""How sessions are opened: exact int8 arithmetic, whatever the processor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragkit.weights import opening
from ragkit.weights.published import RERANKER, locate

SATURATES = opening.int8_saturates


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    SATURATES.cache_clear()
    yield
    SATURATES.cache_clear()


def on_a_processor(monkeypatch: pytest.MonkeyPatch, flags: str | None) -> None:
    """Let /proc/cpuinfo list these flags, or let there be no such file."""

    def read_text(path: Path, encoding: str) -> str:
        assert path == Path("/proc/cpuinfo")
        if flags is None:
            raise FileNotFoundError(path)
        return f"processor: 0\nflags: {flags}\n"

    monkeypatch.setattr(Path, "read_text", read_text)


@pytest.mark.parametrize(
    ("flags", "precise"),
    [
        ("avx2 avx512f avx512_vnni", None),
        ("avx2 avx_vnni", None),
        ("avx2 avx512f", "1"),
        ("sse4_2", "1"),
        (None, "1"),
    ],
)
def test_no_int8_product_may_saturate(
    monkeypatch: pytest.MonkeyPatch, flags: str | None, precise: str | None
) -> None:
    asked = []

    def session(model: str, options: Any, **_: object) -> None:
        try:
            asked.append(options.get_session_config_entry("session.x64quantprecision"))
        except RuntimeError:  # nothing was set
            asked.append(None)

    monkeypatch.setattr("onnxruntime.InferenceSession", session)
    file = locate(RERANKER).folder / RERANKER.file
    on_a_processor(monkeypatch, flags)
    opening.open_session(file, 1)
    assert asked == [precise]


def test_the_precise_mode_changes_nothing_that_was_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    if opening.int8_saturates():
        pytest.skip("this processor has no VNNI, or does not say so")
    from ragkit import CrossEncoderReranker

    pairs = [("past participle of eat?", "The past participle of eat is eaten."), ("a", "b c")]
    plain = CrossEncoderReranker().predict(pairs)
    monkeypatch.setattr(opening, "int8_saturates", lambda: True)
    assert (CrossEncoderReranker().predict(pairs) == plain).all()
