"""Lab 02, Chunking and indexes: exercises, drills, experiments and figures."""
