"""How sessions are opened: exact int8 arithmetic, whatever the processor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ragkit.weights.opening import open_session
from ragkit.weights.published import RERANKER, locate


def test_no_int8_product_may_saturate(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def session(model: str, options: Any, **_: object) -> None:
        asked[Path(model).name] = options.get_session_config_entry("session.x64quantprecision")

    monkeypatch.setattr("onnxruntime.InferenceSession", session)
    file = locate(RERANKER).folder / RERANKER.file
    open_session(file, 1)
    assert asked == {file.name: "1"}
