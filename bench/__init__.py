"""Measurements against the targets of the project: `make bench`, explained in docs/bench.md."""
