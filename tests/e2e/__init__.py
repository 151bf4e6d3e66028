"""Tests, in the structure of the tree."""
