"""Tests of proxy/relay."""
