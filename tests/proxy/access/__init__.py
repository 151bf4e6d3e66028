"""Tests of proxy/access."""
