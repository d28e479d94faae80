"""Lab 01, Embeddings and bi-encoders: exercises, drills, experiments and figures."""
