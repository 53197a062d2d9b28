"""Real film beside the phantom: `python -m benchmarks.film --help`."""
