"""Tests of the scripts of `make`."""
