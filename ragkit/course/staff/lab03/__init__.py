"""Lab 03, Reranking and evaluation: exercises, drills, experiments and figures."""
