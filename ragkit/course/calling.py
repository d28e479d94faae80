"""Call a function that a student wrote: within a time limit, on copies, and say where it failed.

The function runs in a thread of its own, so that a limit needs no signals: it holds on Windows and
inside other threads too.
"""

from __future__ import annotations

import ast
import contextvars
import ctypes
import inspect
import io
import linecache
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass
from types import FrameType, FunctionType, MethodType
from typing import Any, TextIO

from ragkit.course import plain

Function = Callable[..., Any]
LIMIT = 10.0  # seconds for one call
_GRACE = 2.0  # seconds for a function that was stopped to end
_PRINTED = 5000  # characters that one call may print; a loop that never ends would print millions
_STACK = 64 * 2**20  # bytes; some systems give a second thread too few for a deep recursion


class Stopped(BaseException):
    """Raised inside a function that ran too long; not an `Exception`, so that none catches it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call came to: a plain value, or an error; and which arguments it changed."""

    value: Any = None
    error: BaseException | None = None
    late: bool = False
    where: str = ""
    changed: tuple[str, ...] = ()
    runs_on: bool = False


def call(function: Function, arguments: Sequence[Any]) -> Outcome:
    """Call a function on copies of its arguments; nothing is raised, and nothing waits for ever.

    Of what it prints, the beginning is shown. An interrupt from the keyboard stops it too.
    """
    given = tuple(deepcopy(argument) for argument in arguments)
    task = _Task(function, given)
    with _bounded_prints():
        try:
            late = not task.run(LIMIT)
        except BaseException:
            task.stop()
            raise
        if late:
            return Outcome(late=True, where=task.where, runs_on=not task.stop())
    error = task.error
    where = "" if error is None else _line_of(function, error)
    return Outcome(task.value, error, False, where, _changed(function, arguments, given))


class _Task:
    """One call in a thread: its value as plain data, or its error."""

    def __init__(self, function: Function, arguments: Sequence[Any]) -> None:
        self.function, self.arguments = function, arguments
        self.value: Any = None
        self.error: BaseException | None = None
        self.where = ""
        self._done = threading.Event()
        context = contextvars.copy_context()  # numpy's error state, the cell that prints
        self._thread = threading.Thread(target=context.run, args=(self._call,), daemon=True)

    def run(self, seconds: float) -> bool:
        """Start the call; False if it did not end within `seconds`."""
        before = threading.stack_size(_STACK)
        try:
            self._thread.start()
        finally:
            threading.stack_size(before)
        ended = self._done.wait(seconds)
        if not ended:
            self.where = self._current_line()
        return ended

    def stop(self) -> bool:
        """Raise `Stopped` in the thread until it ends; False if it cannot be reached."""
        for _ in range(20):
            identity = ctypes.c_ulong(self._thread.ident or 0)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(Stopped))
            if self._done.wait(_GRACE / 20):
                return True
        return False

    def _call(self) -> None:
        try:
            self.value = plain.decode(plain.encode(self.function(*self.arguments)))
        except BaseException as error:
            self.error = error
        finally:
            self._done.set()

    def _current_line(self) -> str:
        frame = sys._current_frames().get(self._thread.ident or 0)
        found = None
        while frame is not None:
            if frame.f_code.co_filename == _file_of(self.function):
                found = found or frame
            frame = frame.f_back
        return _line(found, found.f_lineno) if found else ""


class _Bounded(io.TextIOBase):
    """Passes on the first `_PRINTED` characters that are written to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._left, self._cut, self._last = stream, _PRINTED, False, "\n"

    def write(self, text: str) -> int:
        shown = text[: self._left]
        self._left -= len(shown)
        self._cut = self._cut or len(shown) < len(text)
        if shown:
            self._last = shown[-1]
            self._stream.write(shown)
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def end(self) -> None:
        """End the last line, and say if something was left out."""
        self._stream.write("" if self._last == "\n" else "\n")
        self._stream.write("… (it printed more, which is left out)\n" if self._cut else "")


@contextmanager
def _bounded_prints() -> Iterator[None]:
    bounded = _Bounded(sys.stdout)
    try:
        with redirect_stdout(bounded):
            yield
    finally:
        bounded.end()


def is_stub(function: Function) -> bool:
    """True if a function only raises `NotImplementedError`, as it was handed out.

    A function whose source cannot be read is taken for a stub if it names nothing else.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        body = next(node.body for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    except Exception:  # a callable object may raise anything when it is looked at
        names = getattr(_code_of(function), "co_names", ())
        return set(names) <= {"NotImplementedError"}
    rest = [s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    return len(rest) == 1 and isinstance(rest[0], ast.Raise)


def _changed(function: Function, before: Sequence[Any], after: Sequence[Any]) -> tuple[str, ...]:
    """The names of the arguments that a call has changed."""
    pairs = zip(before, after, strict=True)
    different = [i for i, (old, new) in enumerate(pairs) if plain.encode(old) != plain.encode(new)]
    try:
        names = list(inspect.signature(function).parameters)
    except Exception:
        names = []
    return tuple(names[i] if i < len(names) else f"argument {i + 1}" for i in different)


def _line_of(function: Function, error: BaseException) -> str:
    """The last line of the function's own file that the error passed through."""
    found, trace = "", error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _file_of(function):
            found = _line(trace.tb_frame, trace.tb_lineno)
        trace = trace.tb_next
    return found


def _file_of(function: Function) -> str:
    return str(getattr(_code_of(function), "co_filename", ""))


def _code_of(function: Function) -> Any:
    """The code of a function; None for another callable, whose attributes may raise anything."""
    return function.__code__ if isinstance(function, FunctionType | MethodType) else None


def _line(frame: FrameType, number: int) -> str:
    source = linecache.getline(frame.f_code.co_filename, number).strip()
    return f"line {number}: `{source}`" if source else f"line {number}"
