"""Benchmarks of ragkit against the libraries that it stands on. Run `python -m benchmarks`."""
