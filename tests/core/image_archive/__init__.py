"""Tests of core.image_archive."""
