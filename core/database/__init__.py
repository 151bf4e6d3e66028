"""Connections for PostgreSQL and SQLite, transactions, SQL, leases and compare-and-set updates."""
