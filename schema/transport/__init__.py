"""Transports of GraphQL: HTTP, server-sent events and websockets."""
