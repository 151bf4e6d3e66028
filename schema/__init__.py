"""The GraphQL API: types, inputs and payloads, their execution and transport, and the ASGI application."""
