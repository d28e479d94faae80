"""The checks that a lab calls: `check.mean_pool(mean_pool)` prints one line and never raises."""

from ragkit.course.exercises.base import Case, Exercise, Mistake
from ragkit.course.exercises.lab01 import hit_rate, mean_pool, normalise, top_k
from ragkit.course.exercises.lab01_training import info_nce, mean_cosine
from ragkit.course.exercises.lab02 import answer_coverage, sliding_window
from ragkit.course.exercises.lab02_search import nearest, recall_at_k, storage_bytes
from ragkit.course.exercises.lab03 import max_sim, rrf, two_stage
from ragkit.course.exercises.lab03_metrics import kendall, mrr_at_k, ndcg_at_k

__all__ = [
    "Case",
    "Exercise",
    "Mistake",
    "answer_coverage",
    "hit_rate",
    "info_nce",
    "kendall",
    "max_sim",
    "mean_cosine",
    "mean_pool",
    "mrr_at_k",
    "ndcg_at_k",
    "nearest",
    "normalise",
    "recall_at_k",
    "rrf",
    "sliding_window",
    "storage_bytes",
    "top_k",
    "two_stage",
]
