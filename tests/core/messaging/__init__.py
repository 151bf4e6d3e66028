"""Tests of core/messaging."""
