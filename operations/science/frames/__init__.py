"""Frames: images in FITS files, read row by row and written with all that belongs to them."""
