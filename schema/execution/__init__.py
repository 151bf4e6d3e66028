"""Execution of GraphQL documents: plan, cost, limits, executor, caches and metrics."""
