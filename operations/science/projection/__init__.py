"""Projecting: frames brought onto one grid of the sky."""
