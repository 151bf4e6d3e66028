"""Tests of `schema.execution`."""
