"""Projection of frames onto a common grid of the sky."""
