"""Paging: keyset pages, counts and nested pages."""
