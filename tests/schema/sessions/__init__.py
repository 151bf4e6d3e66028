"""Tests of schema/sessions."""
