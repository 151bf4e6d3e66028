"""A container engine without containers, for tests and benchmarks."""
