"""The reference clients of GraphQL over HTTP, websockets and server-sent events, against a running server."""
