"""Nothing is computed twice: embeddings, scores and built indexes on disk."""
