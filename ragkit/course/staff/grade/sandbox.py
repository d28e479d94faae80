"""Run one notebook in a contained child process and collect what it answers.

Nothing that the child sends is trusted: a record is read for its form, and holds values, never a
score. Everything here ends: after `Limits.seconds` of wall time the whole child is killed.
"""

from __future__ import annotations

import compileall
import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO

from ragkit.course.layout import course_root
from ragkit.course.staff.bundle import write_library
from ragkit.course.staff.grade.child import records
from ragkit.course.staff.grade.processes import bytes_in, family, kill_all_with, memory_of
from ragkit.course.work.delivery import SECONDS
from ragkit.errors import DataError

_TOKEN = "RAGKIT_GRADE"  # in the environment of all that a submission starts
_TICK = 0.1
_GRACE = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one submission may use. Sizes in bytes, times in seconds of wall time.

    `seconds` is for a whole submission, `call_seconds` for one function on all its inputs.
    """

    seconds: float = SECONDS
    call_seconds: float = 10.0
    memory: int = 4 * 2**30
    file_size: int = 256 * 2**20
    disk: int = 512 * 2**20
    processes: int = 256
    output: int = 16 * 2**20


@dataclass
class Collected:
    """The records of one run, and how it ended: finished, unreadable, timeout or crash."""

    records: list[records.Record] = field(default_factory=list)
    ended: str = "crash"
    why: str = ""
    seconds: float = 0.0
    peak_memory: int = 0


@dataclass(frozen=True)
class Sandbox:
    """A folder with the library without answers, and whether namespaces are available here."""

    folder: Path
    isolated: bool
    hidden: Sequence[str]
    reason: str = ""
    stop: threading.Event = field(default_factory=threading.Event)

    def run(
        self,
        notebook: bytes,
        handed_out: Sequence[str],
        drills: Sequence[str],
        inputs: Mapping[str, Sequence[Any]],
        limits: Limits,
    ) -> Collected:
        """Execute a notebook, then call its functions on `inputs` (plain data, by name)."""
        with tempfile.TemporaryDirectory(prefix="work-", dir=self.folder) as work:
            request = self._request(work, limits) | {
                "handed_out": list(handed_out),
                "drills": list(drills),
                "functions": list(inputs),
            }
            return _Child(self, request, notebook, json.dumps(inputs).encode(), limits).run()

    def _request(self, work: str, limits: Limits) -> dict[str, Any]:
        return {
            "isolate": self.isolated,
            "work": work,
            "hidden": list(self.hidden),
            "visible": [*_interpreter_folders(), str(self.folder)],
            "memory": limits.memory,
            "cpu_seconds": int(limits.seconds) + 2,
            "file_size": limits.file_size,
            "disk": limits.disk,
            "call_seconds": limits.call_seconds,
        }


@contextlib.contextmanager
def open_sandbox(private: Sequence[Path], isolate: bool = True) -> Iterator[Sandbox]:
    """Prepare a sandbox that hides the checkout, the home folder and `private`; remove it after."""
    with tempfile.TemporaryDirectory(prefix="ragkit-grade-") as made:
        folder = Path(made).resolve()
        write_library(folder / "library", silent=True)
        shutil.copytree(course_root() / "data", folder / "library" / "data")
        shutil.copytree(Path(__file__).parent / "child", folder / "library" / "child")
        compileall.compile_dir(folder / "library", quiet=2)  # once, not in every child
        hidden = [str(path) for path in _private([course_root(), *private])]
        sandbox = Sandbox(folder, isolate, hidden)
        if isolate and (reason := _try(sandbox)):
            sandbox = Sandbox(folder, False, hidden, reason)
            if again := _try(sandbox):
                raise DataError(f"A submission cannot be run here: {again}")
        yield sandbox


def _private(paths: Sequence[Path]) -> list[Path]:
    """What a submission must not see: `paths`, the home folder, and those for temporary files."""
    folders = [*paths, Path(tempfile.gettempdir()), Path("/var/tmp")]
    with contextlib.suppress(RuntimeError):  # a user without a home
        folders.append(Path.home())
    return [folder for path in folders if (folder := path.resolve()).parent != folder]


def _try(sandbox: Sandbox) -> str:
    """Run an empty notebook; return what went wrong, or ""."""
    ran = sandbox.run(b'{"cells": []}', [], [], {}, Limits(seconds=30))
    return "" if ran.ended == "finished" else f"{ran.ended}. {ran.why}"


def _interpreter_folders() -> list[str]:
    paths = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return [sys.prefix, sys.base_prefix, sys.exec_prefix, *paths]


class _Child:
    """One child from its start to the end of all that it started."""

    def __init__(
        self,
        sandbox: Sandbox,
        request: dict[str, Any],
        notebook: bytes,
        inputs: bytes,
        limits: Limits,
    ) -> None:
        self.sandbox, self.limits, self.inputs = sandbox, limits, inputs
        self.token = token_hex(8)
        self.collected = Collected()
        self.errors = b""
        self._pending = b""
        self._received = 0
        self._sent = False
        self._request, self._notebook = request, notebook

    def run(self) -> Collected:
        started = time.monotonic()
        results, results_end = os.pipe()
        inputs_end, self._inputs = os.pipe()
        try:
            process = self._start(results_end, inputs_end)
        finally:
            os.close(results_end)
            os.close(inputs_end)
        try:
            self._watch(process, results, started + self.limits.seconds)
        finally:
            self._kill(process)
            os.close(results)
            self._close_inputs()
        self.collected.seconds = time.monotonic() - started
        return self.collected

    def _start(self, results: int, inputs: int) -> subprocess.Popen[bytes]:
        request = self._request | {"results": results, "inputs": inputs}
        library = str(self.sandbox.folder / "library")
        site = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
        code = f"import sys; sys.path[:0] = [{library!r}]; sys.path += {site!r}; "
        code += "from child.main import main; main()"
        with tempfile.TemporaryFile() as handed:
            handed.write(json.dumps(request).encode() + b"\n" + self._notebook)
            handed.seek(0)
            return subprocess.Popen(  # our own interpreter and code
                [sys.executable, "-I", "-S", "-B", "-c", code],
                stdin=handed,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(results, inputs),
                env=self._environment(request["work"]),
                cwd=request["work"],
                start_new_session=True,
            )

    def _environment(self, work: str) -> dict[str, str]:
        one = ("RAGKIT_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        return {
            **dict.fromkeys(one, "1"),
            _TOKEN: self.token,
            "PATH": "/usr/bin:/bin",
            "HOME": work,
            "TMPDIR": work,
            "LANG": "C.UTF-8",
            "MPLBACKEND": "agg",
            "HF_HUB_OFFLINE": "1",
            "RAGKIT_QUIET": "1",
            "RAGKIT_CACHE": f"{work}/cache",
        }

    def _watch(self, process: subprocess.Popen[bytes], results: int, deadline: float) -> None:
        """Collect records until the child ends or breaks a limit."""
        errors: BinaryIO = process.stderr  # type: ignore[assignment]  # a pipe was asked for
        with selectors.DefaultSelector() as selector:
            selector.register(results, selectors.EVENT_READ, self._take)
            selector.register(errors.fileno(), selectors.EVENT_READ, self._take_error)
            measured = 0.0
            while process.poll() is None:
                now = time.monotonic()
                if self.sandbox.stop.is_set():
                    return self._end("crash", "grading was interrupted.")
                if now > deadline:
                    return self._end("timeout", f"it ran longer than {self.limits.seconds:g} s.")
                if selector.get_map():
                    self._read(selector, _TICK)
                else:  # both pipes are closed; it is about to end
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(_TICK)
                if now - measured > _TICK:
                    measured = now
                    if broken := self._measure(process.pid):
                        return self._end("crash", broken)
                if self._received > self.limits.output:
                    return self._end("crash", "it sent more data than is allowed.")
            while self._read(selector, 0):
                if self._received > self.limits.output or time.monotonic() > deadline + _GRACE:
                    break
        if self.collected.ended == "crash" and not self.collected.why:
            self.collected.why = self._last_words(process.returncode)
        return None

    def _read(self, selector: selectors.BaseSelector, patience: float) -> bool:
        got = False
        for key, _ in selector.select(patience):
            data = os.read(key.fd, 65536)
            if data:
                key.data(data)
                got = True
            else:
                selector.unregister(key.fd)
        return got

    def _take(self, data: bytes) -> None:
        self._received += len(data)
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                self._act(record)

    def _act(self, record: records.Record) -> None:
        match record.get(records.KIND):
            case records.READY:
                if self._sent:
                    return
                self._sent = True
                record = records.ready()
                threading.Thread(target=self._send_inputs, daemon=True).start()
            case records.FINISHED:
                self.collected.ended = "finished"
            case records.UNREADABLE:
                self._end("unreadable", str(record.get(records.WHY))[:200])
        self.collected.records.append(record)

    def _take_error(self, data: bytes) -> None:
        self.errors = (self.errors + data)[-2000:]

    def _end(self, how: str, why: str) -> None:
        self.collected.ended, self.collected.why = how, why

    def _last_words(self, status: int) -> str:
        lines = self.errors.decode(errors="replace").strip().splitlines()
        return f"it ended with status {status}" + (f": {lines[-1][:200]}" if lines else ".")

    def _send_inputs(self) -> None:
        handle, self._inputs = self._inputs, -1
        with contextlib.suppress(OSError), os.fdopen(handle, "wb") as pipe:
            pipe.write(self.inputs)

    def _close_inputs(self) -> None:
        if self._inputs >= 0:
            os.close(self._inputs)

    def _measure(self, pid: int) -> str:
        """The limit that all processes together break, in words, or ""."""
        limits, members = self.limits, family(pid)
        if len(members) > limits.processes:
            return f"it started more than {limits.processes} processes."
        used = memory_of(members, limits.memory)
        self.collected.peak_memory = max(self.collected.peak_memory, used)
        if used > limits.memory:
            return f"it used more than {limits.memory / 2**30:g} GiB of memory."
        if not self.sandbox.isolated and bytes_in(self._request["work"]) > limits.disk:
            return f"it wrote more than {limits.disk / 2**20:g} MiB."
        return ""

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill the child's group, and whatever left the group but carries the token."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stderr:
            process.stderr.close()
        kill_all_with(_TOKEN, self.token)
