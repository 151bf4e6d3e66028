"""Calibrating: what a detector adds to light, and how it differs over its face, measured and taken out."""
