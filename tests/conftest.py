"""Shared set-up: no network, a private cache, quiet output, each model loaded once a session."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pytest
from processes import Outcome, Run

os.environ["RAGKIT_QUIET"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import ragkit
from ragkit.encoders import minilm_export

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    """A cache of this run's own: its workers and the kernels of its notebooks inherit it.

    Whatever was computed before is computed again, once. Only MiniLM's export is the user's.
    """
    if hasattr(config, "workerinput"):
        return
    private = Path(tempfile.mkdtemp(prefix="ragkit-tests-"))
    minilm_export.link_into(private)
    os.environ["RAGKIT_CACHE"] = str(private)
    config.add_cleanup(lambda: shutil.rmtree(private, ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, or one worker would end long after the other."""
    items.sort(key=lambda item: item.path.name != "test_ledger.py")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that leaves this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family == socket.AF_UNIX or address[0] in ("127.0.0.1", "::1", "localhost"):
            return connect(self, address)
        raise AssertionError(f"a test tried to reach {address}")

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def kb() -> ragkit.KnowledgeBase:
    return ragkit.load_kb()


@pytest.fixture(scope="session")
def minilm() -> ragkit.MiniLMEncoder:
    return ragkit.MiniLMEncoder()


@pytest.fixture(scope="session")
def minilm_onnx() -> ragkit.MiniLMEncoder:
    return ragkit.MiniLMEncoder(backend="onnx")


@pytest.fixture(scope="session")
def minilm_int8() -> ragkit.MiniLMEncoder:
    return ragkit.MiniLMEncoder(backend="onnx-int8")


@pytest.fixture(scope="session")
def minigpt() -> ragkit.MiniGPTEncoder:
    return ragkit.MiniGPTEncoder()


@pytest.fixture(scope="session")
def bge() -> ragkit.BGESmallEncoder:
    return ragkit.BGESmallEncoder()


@pytest.fixture(scope="session")
def backbone() -> ragkit.ColBERTBackbone:
    return ragkit.ColBERTBackbone()


@pytest.fixture(scope="session")
def reranker() -> ragkit.CrossEncoderReranker:
    return ragkit.CrossEncoderReranker()


@pytest.fixture(scope="session")
def student_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that learns within a few steps, to fine-tune instead of MiniLM."""
    from students import write_student

    return write_student(tmp_path_factory.mktemp("models") / "student")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `ragkit` with these arguments in this process."""
    from ragkit.cli import app as cli

    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # main replaces it

    def command(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["ragkit", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), captured.out, captured.err)

    return command


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function under test may import a library first, on a machine that does much else."""
    monkeypatch.setattr("ragkit.course.calling.LIMIT", 120.0)
