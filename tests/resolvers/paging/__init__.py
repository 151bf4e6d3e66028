"""Tests of resolvers/paging."""
