"""Tests of core.archive."""
