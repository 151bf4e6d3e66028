"""Access to sessions: decisions and their cache, revocation, and recorded activity."""
