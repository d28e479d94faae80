"""From vectors and words to a ranking: indexes, retrievers, fusion, and the cross-encoder."""
