"""Lab 04, Teaching the encoder: exercises, drills, experiments and figures."""
