"""Hard negatives: wrong documents that some ranking places high (Karpukhin et al. 2020).

The higher a wrong document ranks, the more it teaches, and the likelier it is not wrong at all but
unlabelled. A teacher's scores tell some of these apart (Qu et al., "RocketQA", 2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ragkit.checks import check_count
from ragkit.documents.kb import KnowledgeBase
from ragkit.errors import DataError
from ragkit.finetuning.pairs import Pair, right_ids
from ragkit.ranking import ranked_ids
from ragkit.search.reranker import Reranker

Scores = Mapping[str, Mapping[str, float]]  # by query id, then document id: a run


def mine(
    run: Scores,
    pairs: Sequence[Pair],
    per_pair: int = 1,
    *,
    teacher: Scores | None = None,
    margin: float = 0.0,
) -> dict[str, list[str]]:
    """For each question the first `per_pair` wrong documents of its ranking, best first.

    With a `teacher`, documents are left out that it scores less than `margin` below the best right
    one: it takes them for answers. A question may then have fewer, or none. Raises `DataError` for
    a `per_pair` below 1, and for what the run has not ranked or the teacher not scored.
    """
    check_count(per_pair, "per_pair")
    mined = {}
    for pair in pairs:
        if pair.query_id not in run:
            raise DataError(f"The run has no ranking for {pair.query_id!r}. Search for all pairs.")
        wrong = [i for i in ranked_ids(run[pair.query_id]) if i not in pair.right]
        if teacher is not None:
            highest = max(_score_of(teacher, pair, i) for i in sorted(pair.right)) - margin
            wrong = [i for i in wrong if _score_of(teacher, pair, i) < highest]
        mined[pair.query_id] = wrong[:per_pair]
    return mined


def _score_of(teacher: Scores, pair: Pair, doc_id: str) -> float:
    try:
        return teacher[pair.query_id][doc_id]
    except KeyError:
        raise DataError(
            f"The teacher has no score of {doc_id!r} for {pair.query_id!r}. Let it score what the "
            "run ranks and what is right, as `teacher_scores` does."
        ) from None


def teacher_scores(
    teacher: Reranker, kb: KnowledgeBase, run: Scores
) -> dict[str, dict[str, float]]:
    """A reranker's logits, by question, of the documents in its ranking and of the right ones."""
    scores = {}
    for query in kb.queries:
        ids = sorted({*run[query.query_id], *right_ids(kb.qrels[query.query_id])})
        pairs = [(query.text, kb.by_id[doc_id].full_text) for doc_id in ids]
        scores[query.query_id] = dict(zip(ids, teacher.predict(pairs).tolist(), strict=True))
    return scores
