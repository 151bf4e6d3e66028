"""Resolvers of data sessions, operations, results and uploads."""
