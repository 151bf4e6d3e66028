"""Tests of proxy/pages."""
