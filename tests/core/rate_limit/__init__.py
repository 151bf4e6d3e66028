"""Tests of core/rate_limit."""
