"""GraphQL types of data sessions."""
