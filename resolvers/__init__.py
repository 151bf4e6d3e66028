"""Resolvers: each finds the visible rows, checks the permission, and calls a service. The schema calls them."""
