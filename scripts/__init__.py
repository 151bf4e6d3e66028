"""The scripts that `make` runs: install, lock, generate and check."""
