"""Tests of jobs/data."""
