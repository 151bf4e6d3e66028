"""Tests of the data operations."""
