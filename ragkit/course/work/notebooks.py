"""Read a notebook file cell by cell, and write one with a few cells replaced.

Whatever is not replaced stays as it is in the file, byte for byte: metadata, ids, outputs, and the
way in which the program that saved it wrote them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.course.work.cells import source_of
from ragkit.errors import DataError
from ragkit.files import write_atomically

_BLANK = re.compile(r"[ \t\r\n]*")
_INDENT = "  "  # of a cell in a file that Jupyter wrote


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its content, and from where to where it stands in the file's text."""

    content: Mapping[str, Any]
    start: int
    end: int

    @property
    def kind(self) -> str:
        """`code`, `markdown` or `raw`."""
        return str(self.content.get("cell_type"))

    @property
    def source(self) -> str:
        """The text of the cell; empty if the file holds something else."""
        return source_of(self.content) or ""

    @property
    def id(self) -> str:
        """The cell's id; empty in files older than format 4.5."""
        return str(self.content.get("id", ""))


@dataclass(frozen=True, slots=True)
class Notebook:
    """The cells of a notebook file, and its text, into which they point."""

    path: Path
    text: str
    cells: Sequence[Cell]

    @property
    def code(self) -> list[str]:
        """The sources of the code cells."""
        return [cell.source for cell in self.cells if cell.kind == "code"]

    def raw(self, place: int) -> str:
        """A cell as it stands in the file."""
        return self.text[self.cells[place].start : self.cells[place].end]

    def with_cells(self, replaced: Mapping[int, Sequence[Mapping[str, Any] | str]]) -> str:
        """The file's text with new cells in the place of some, by their positions.

        A new cell is its content, or a text from `raw`.
        """
        text = self.text
        for place in sorted(replaced, reverse=True):
            cell = self.cells[place]
            written = f",\n{_INDENT}".join(map(_as_text, replaced[place]))
            text = text[: cell.start] + written + text[cell.end :]
        return text


def read(path: Path) -> Notebook:
    """Read a notebook; `DataError` if the file cannot be read or is none of format 4."""
    try:
        text = path.read_bytes().decode("utf-8")
        content = json.loads(text)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file.") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError):
        raise DataError(
            f"{path}: not a notebook, or a damaged one: it is not valid JSON."
        ) from None
    cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise DataError(f"{path}: not a notebook of format 4: it has no list of cells.")
    spans = _spans(text)
    return Notebook(path, text, [Cell(c, *span) for c, span in zip(cells, spans, strict=True)])


def write(path: Path, text: str) -> None:
    """Write the text of a notebook, whole or not at all."""
    write_atomically(path, text.encode("utf-8"))


def _spans(text: str) -> list[tuple[int, int]]:
    """Where each cell begins and ends in the text of a notebook, which is valid JSON."""
    decode = json.JSONDecoder().raw_decode
    spans: list[tuple[int, int]] = []
    place = _skip(text, 0) + 1  # after the brace
    while text[place := _skip(text, place)] != "}":
        key, place = decode(text, place)
        place = _skip(text, _skip(text, place) + 1)  # after the colon
        if key == "cells":
            spans, place = _spans_of_list(text, place)
        else:
            _, place = decode(text, place)
        place = _after_comma(text, place)
    return spans


def _spans_of_list(text: str, place: int) -> tuple[list[tuple[int, int]], int]:
    decode = json.JSONDecoder().raw_decode
    spans, place = [], place + 1
    while text[place := _skip(text, place)] != "]":
        _, end = decode(text, place)
        spans.append((place, end))
        place = _after_comma(text, end)
    return spans, place + 1


def _skip(text: str, place: int) -> int:
    match = _BLANK.match(text, place)
    return match.end() if match else place


def _after_comma(text: str, place: int) -> int:
    place = _skip(text, place)
    return place + 1 if text[place] == "," else place


def _as_text(cell: Mapping[str, Any] | str) -> str:
    if isinstance(cell, str):
        return cell
    return json.dumps(cell, ensure_ascii=False, indent=1).replace("\n", f"\n{_INDENT}")
