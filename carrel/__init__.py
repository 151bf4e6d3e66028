"""The command line, and `carrel up`, which runs everything on one machine."""
