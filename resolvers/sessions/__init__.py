"""Resolvers of workstations, images and sessions."""
