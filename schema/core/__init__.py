"""The surface under every noun: permissions, ids, connections, errors, limits, and the server that speaks GraphQL."""
