"""What `make` runs: installing, locking, generating and checking."""
