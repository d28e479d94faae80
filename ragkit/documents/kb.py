"""The knowledge base: documents, queries, and which document answers which query.

`load_kb` reads the course's own grammar base or any folder in the BEIR layout (Thakur et al.,
"BEIR", NeurIPS 2021 Datasets and Benchmarks). File-level checks live in `ragkit.documents.beir`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from ragkit.checks import check_id, check_string
from ragkit.documents.beir import Qrels, read_qrels, read_records, text_field
from ragkit.errors import DataError
from ragkit.runtime import data_dir

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Document:
    """One entry of the knowledge base."""

    doc_id: str
    text: str
    title: str = ""
    topic: str = ""

    @property
    def full_text(self) -> str:
        """What a model reads: title and text joined, as BEIR does."""
        return f"{self.title} {self.text}".strip()


@dataclass(frozen=True, slots=True)
class Query:
    """One information need; `kind` groups the queries of a report."""

    query_id: str
    text: str
    kind: str = ""


@dataclass(frozen=True)
class KnowledgeBase:
    """Documents, the queries judged in one split, and their qrels.

    `unjudged` lists the queries that no split judges: questions the base cannot answer.
    """

    documents: list[Document]
    queries: list[Query]
    qrels: Qrels
    unjudged: list[Query]
    split: str
    path: Path

    @cached_property
    def by_id(self) -> dict[str, Document]:
        """Documents by id."""
        return {document.doc_id: document for document in self.documents}

    @cached_property
    def kinds(self) -> dict[str, list[str]]:
        """Ids of the judged queries by kind, in file order."""
        groups: dict[str, list[str]] = {}
        for query in self.queries:
            groups.setdefault(query.kind, []).append(query.query_id)
        return groups

    def __repr__(self) -> str:
        return (
            f"KnowledgeBase({len(self.documents)} documents, {len(self.queries)} queries, "
            f"split={self.split!r})"
        )


def check_documents(documents: Iterable[Document]) -> list[Document]:
    """Return the documents as a list if each is a `Document` whose id, text and title are valid.

    Raises `DataError`, naming the place, for any other item and for what cannot be listed at all.
    """
    checked = _check_items(documents, Document, "documents")
    for position, document in enumerate(checked):
        check_id(document.doc_id, f"documents[{position}].doc_id")
        check_string(document.text, f"documents[{position}].text")
        check_string(document.title, f"documents[{position}].title")
    return checked


def check_queries(queries: Iterable[Query]) -> list[Query]:
    """Return the queries as a list if each is a `Query` and no two share an id, else `DataError`.

    Their texts are checked when they are searched for.
    """
    checked = _check_items(queries, Query, "queries")
    if len({query.query_id for query in checked}) != len(checked):
        raise DataError("Two queries share an id. Give each query an id of its own.")
    return checked


def _check_items(items: Iterable[T], kind: type[T], what: str) -> list[T]:
    advice = f"Pass kb.{what}, or a list of {kind.__name__}(id, text)."
    if not isinstance(items, Iterable):
        raise DataError(f"{what} is {type(items).__name__}, not a list. {advice}")
    checked = list(items)
    for position, item in enumerate(checked):
        if not isinstance(item, kind):
            actual = f"{type(item).__name__}, not a {kind.__name__}"
            raise DataError(f"{what}[{position}] is {actual}. {advice}")
    return checked


def load_kb(path: str | Path | None = None, split: str = "test") -> KnowledgeBase:
    """Read a knowledge base in the BEIR layout; without `path`, the course's verb grammar.

    `queries.jsonl` and `qrels/<split>.tsv` may both be absent (a base to ask, not to evaluate).
    Raises `DataError` naming file and line for anything malformed.
    """
    folder = data_dir() / "verb_grammar" if path is None else Path(path)
    documents = load_documents(folder)
    queries = _load_queries(folder / "queries.jsonl")
    judged = _load_splits(folder / "qrels", {q.query_id for q in queries}, documents)
    if judged and split not in judged:
        known = ", ".join(sorted(judged))
        raise DataError(f"{folder}: no split {split!r}; it has {known}. Pass one of these.")
    qrels = judged.get(split, {})
    answered = {query_id for one_split in judged.values() for query_id in one_split}
    return KnowledgeBase(
        documents=documents,
        queries=[query for query in queries if query.query_id in qrels],
        qrels=qrels,
        unjudged=[query for query in queries if query.query_id not in answered],
        split=split,
        path=folder,
    )


def load_documents(folder: str | Path) -> list[Document]:
    """Read `corpus.jsonl` of a BEIR folder; at least one document, each with text and unique id."""
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder. Pass a folder that contains a corpus.jsonl.")
    corpus = folder / "corpus.jsonl"
    documents = [
        Document(
            doc_id=record["_id"],
            text=record["text"],
            title=text_field(place, record, "title", default=""),
            topic=text_field(place, record, "topic", default=""),
        )
        for place, record in read_records(corpus)
    ]
    if not documents:
        raise DataError(f"{corpus}: the knowledge base is empty. Add one JSON object per line.")
    return documents


def _load_queries(path: Path) -> list[Query]:
    if not path.exists():
        return []
    return [
        Query(record["_id"], record["text"], text_field(place, record, "kind", default=""))
        for place, record in read_records(path)
    ]


def _load_splits(folder: Path, query_ids: set[str], documents: list[Document]) -> dict[str, Qrels]:
    doc_ids = {document.doc_id for document in documents}
    return {
        file.stem: read_qrels(file, query_ids, doc_ids) for file in sorted(folder.glob("*.tsv"))
    }
