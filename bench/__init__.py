"""Benchmarks and chaos: what the design promises, measured and put to the test."""
