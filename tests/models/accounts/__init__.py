"""Tests of models/accounts."""
