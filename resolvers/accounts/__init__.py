"""Resolvers of accounts and permissions."""
