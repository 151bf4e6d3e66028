"""GraphQL types of users, organizations, roles, grants and the history."""
