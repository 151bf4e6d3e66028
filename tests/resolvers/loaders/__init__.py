"""Tests of resolvers/loaders."""
