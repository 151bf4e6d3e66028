"""Benchmarks and chaos runs, which measure and test the promises of the design."""
