"""Frames: images in FITS files, read by rows and written with uncertainty, mask, header and provenance."""
