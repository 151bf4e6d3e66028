"""Tests of models/sessions."""
