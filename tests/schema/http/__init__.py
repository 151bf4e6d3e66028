"""Tests of schema/http."""
