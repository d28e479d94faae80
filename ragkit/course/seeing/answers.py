"""The answers of several systems to one question, as a table in text and in HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from itertools import zip_longest
from textwrap import shorten

from ragkit.documents.kb import Document
from ragkit.ranking import Hit

RIGHT = "✓"
_WIDTH = 30  # characters of a column in text
_BORDER = "border: 2px solid currentColor; "
_CELL = "text-align: left; vertical-align: top; padding: 0.3em 0.5em; line-height: 1.4; "


@dataclass(frozen=True, slots=True)
class Answers:
    """What each system finds for one question, and what of it is known to be right.

    `columns` are hits by the system's label; `note` is the sentence above the table, or all there
    is if the question could not be asked.
    """

    question: str
    columns: Mapping[str, list[Hit]]
    documents: Mapping[str, Document]
    note: str
    right: frozenset[str] = frozenset()

    def __str__(self) -> str:
        if not self.columns:
            return self.note
        rows = [self.columns, *(map(self._text, row) for row in self._rows())]
        if self.right:
            rows.append(map(self._summary, self.columns.values()))
        lines = ("  ".join(f"{cell[:_WIDTH]:<{_WIDTH}}" for cell in row).rstrip() for row in rows)
        return "\n".join([self.question, self.note, "", *lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The table for notebooks: one column per system, one row per rank."""
        note = f'<p role="status">{escape(self.note)}</p>'
        if not self.columns:
            return note
        heads = "".join(
            f'<th scope="col" style="{_CELL}">{escape(label)}</th>' for label in self.columns
        )
        rows = "".join(
            f'<tr><th scope="row" style="{_CELL}">{rank}</th>{"".join(map(self._cell, row))}</tr>'
            for rank, row in enumerate(self._rows(), start=1)
        )
        if self.right:
            ends = (f'<td style="{_CELL}">{self._summary(c)}</td>' for c in self.columns.values())
            rows += f'<tr><th scope="row"></th>{"".join(ends)}</tr>'
        return (
            f"<p><b>{escape(self.question)}</b></p>{note}"
            f'<table><thead><tr><th scope="col" style="{_CELL}">rank</th>{heads}</tr></thead>'
            f"<tbody>{rows}</tbody></table>"
        )

    def _rows(self) -> list[tuple[Hit | None, ...]]:
        """The hits rank by rank, None where a system found fewer."""
        return list(zip_longest(*self.columns.values()))

    def _title(self, hit: Hit) -> str:
        return self.documents[hit.doc_id].title or hit.doc_id

    def _text(self, hit: Hit | None) -> str:
        if hit is None:
            return "–"
        mark = RIGHT if hit.doc_id in self.right else " "
        return f"{hit.rank}. {mark} {shorten(self._title(hit), _WIDTH - 6, placeholder='…')}"

    def _cell(self, hit: Hit | None) -> str:
        if hit is None:
            return f'<td style="{_CELL}">–</td>'
        right = hit.doc_id in self.right
        title, text = escape(self._title(hit)), escape(self.documents[hit.doc_id].text)
        mark, style = (f"<b>{RIGHT} right:</b> ", _BORDER) if right else ("", "")
        return (
            f'<td style="{_CELL}{style}">{mark}<details><summary>{title}</summary>{text}</details>'
            f"<small>{escape(hit.doc_id)}</small></td>"
        )

    def _summary(self, found: list[Hit]) -> str:
        """Where the first right document is, in words."""
        ranks = [hit.rank for hit in found if hit.doc_id in self.right]
        return f"right at rank {ranks[0]}" if ranks else "none is right"
