"""Tests of core/security."""
