"""Sources of input files, one kind of source per module."""
