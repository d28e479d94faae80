"""What sister rules cost: rank again without the sisters of the right document.

Deleting documents can only help the others, so as many that are no sisters are deleted as a
control: those nearest to the right document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ragkit.documents.kb import KnowledgeBase
from ragkit.scoring.evaluation import Report, evaluate
from ragkit.vectors import Vectors

# The families that the data card names, by how the ids of their documents begin.
FAMILIES = (
    ("irregular-write",),
    ("irregular-speak",),
    ("irregular-eat",),
    ("irregular-lie", "irregular-lay"),
    ("conditional",),
    ("modal-must",),
)

Sets = dict[str, set[str]]  # document or query id -> document ids


def sisters(doc_ids: Iterable[str]) -> Sets:
    """The other documents of the same family, for each document that has any."""
    families = [{i for i in doc_ids if i.startswith(family)} for family in FAMILIES]
    return {i: family - {i} for family in families for i in family if len(family) > 1}


def sisters_of_answers(kb: KnowledgeBase) -> Sets:
    """For each query whose answer has sisters: those that do not answer it as well."""
    of = sisters([document.doc_id for document in kb.documents])
    found = {
        query_id: set().union(*(of.get(gold, set()) for gold in judged)) - judged.keys()
        for query_id, judged in kb.qrels.items()
    }
    return {query_id: removed for query_id, removed in found.items() if removed}


def nearest_others(removed: Sets, kb: KnowledgeBase, documents: Vectors) -> Sets:
    """As many documents for each query, nearest to its answer and neither sister nor answer.

    `documents` are unit rows, float32 [n, d], in the order of `kb.documents`.
    """
    ids = [document.doc_id for document in kb.documents]
    cosines = documents @ documents.T
    others = {}
    for query_id, sister_ids in removed.items():
        gold = kb.qrels[query_id].keys()
        near = cosines[[ids.index(i) for i in gold]].max(axis=0)
        order = [ids[row] for row in np.argsort(-near, kind="stable")]
        allowed = [i for i in order if i not in gold and i not in sister_ids]
        others[query_id] = set(allowed[: len(sister_ids)])
    return others


def report_without(
    removed: Mapping[str, set[str]], rankings: Mapping[str, Sequence[str]], kb: KnowledgeBase
) -> Report:
    """hit_rate@1 of whole rankings, best first, of the queries in `removed`, without those ids."""
    run = {
        query_id: {
            doc_id: -float(rank)
            for rank, doc_id in enumerate(rankings[query_id])
            if doc_id not in doc_ids
        }
        for query_id, doc_ids in removed.items()
    }
    return evaluate({query_id: kb.qrels[query_id] for query_id in removed}, run, ["hit_rate@1"])
