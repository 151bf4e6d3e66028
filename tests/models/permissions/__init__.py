"""Tests of models/permissions."""
