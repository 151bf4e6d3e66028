"""GraphQL types of uploads, data sessions, data operations and results."""
