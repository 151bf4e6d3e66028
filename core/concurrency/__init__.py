"""Batching, coalescing, caching and threads: how concurrent work is shared and cancelled."""
