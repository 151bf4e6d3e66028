"""Who may enter a session: admission and recorded activity."""
