"""Tests of jobs/sessions."""
