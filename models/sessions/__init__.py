"""Tables of sessions: regions, workstations, images and sessions."""
