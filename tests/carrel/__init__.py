"""Tests of carrel/."""
