"""GraphQL types of regions, workstations, images and sessions."""
