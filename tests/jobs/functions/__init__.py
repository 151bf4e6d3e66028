"""Tests of jobs/functions, in this process."""
