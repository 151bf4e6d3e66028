"""GraphQL types of workstations and sessions."""
