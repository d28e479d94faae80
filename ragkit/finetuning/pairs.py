"""What an encoder is taught with: questions and the documents that answer them.

A batch teaches by contrast: the documents of the other questions serve as negatives (Henderson et
al. 2017). In a small knowledge base many of them are no negatives at all, since several questions
have the same answer: `allowed` says which may serve.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.documents.kb import KnowledgeBase, load_kb
from ragkit.errors import DataError
from ragkit.runtime import data_dir

if TYPE_CHECKING:
    from numpy.random import Generator
    from torch import Tensor

FEWEST = 8  # pairs: with fewer there is next to nothing to contrast


@dataclass(frozen=True, slots=True)
class Pair:
    """A question, a document that answers it, and the ids of all documents that do."""

    query_id: str
    query: str
    doc_id: str
    right: frozenset[str]


def training_pairs(kb: KnowledgeBase) -> list[Pair]:
    """One pair per judged question and right document, in the order of the questions.

    Raises `DataError` if there are fewer than `FEWEST`.
    """
    pairs = [
        Pair(query.query_id, query.text, doc_id, right)
        for query in kb.queries
        for right in [right_ids(kb.qrels[query.query_id])]
        for doc_id in sorted(right)
    ]
    if len(pairs) < FEWEST:
        raise DataError(
            f"{kb.path}: the split {kb.split!r} has {len(pairs)} pairs of a question and its "
            f"document; fine-tuning needs {FEWEST} at least, and gains little below a hundred. "
            "Add judged questions to queries.jsonl and qrels/."
        )
    return pairs


def taught_split(folder: Path | None, split: str | None = None) -> KnowledgeBase:
    """The knowledge base of `folder` with the questions to learn from.

    Without `split` these are those of `train`, the name that the BEIR layout gives them, or of
    `dev` if there are none; never those of `test`. Raises `DataError` as `load_kb` does.
    """
    root = data_dir() / "verb_grammar" if folder is None else folder
    default = "train" if (root / "qrels" / "train.tsv").is_file() else "dev"
    return load_kb(folder, split or default)


def right_ids(judged: Mapping[str, int]) -> frozenset[str]:
    """The ids of the documents judged relevant: those whose relevance is above 0."""
    return frozenset(doc_id for doc_id, relevance in judged.items() if relevance > 0)


def shuffled_batches(pairs: Sequence[Pair], size: int, rng: Generator) -> Iterator[list[Pair]]:
    """The pairs in a drawn order, in batches of `size`; a last batch of one is left out."""
    order = rng.permutation(len(pairs))
    for start in range(0, len(order), size):
        batch = [pairs[i] for i in order[start : start + size]]
        if len(batch) > 1:  # alone, a question has nothing to tell its document from
            yield batch


def allowed(batch: Sequence[Pair], doc_ids: Sequence[str]) -> Tensor:
    """Which documents may stand against each question: bool [B, C].

    Column i < B is the document of pair i, which its own question always has. Any other document
    that answers a question is no negative of it, whatever column it is in.
    """
    import torch

    mask = [[doc_id not in pair.right for doc_id in doc_ids] for pair in batch]
    return torch.tensor(mask) | torch.eye(len(batch), len(doc_ids), dtype=torch.bool)
