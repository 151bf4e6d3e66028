"""Execution of GraphQL documents: planning, cost, limits, permissions, caches and metrics."""
