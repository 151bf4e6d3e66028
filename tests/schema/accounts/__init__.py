"""Tests of schema/accounts."""
