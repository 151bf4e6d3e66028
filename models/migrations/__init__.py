"""Migrations of the one app, `models`; run by `carrel migrate`."""
