"""Embeddings, scores and built indexes on disk, so that nothing is computed twice."""
