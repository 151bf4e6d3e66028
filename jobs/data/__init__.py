"""Jobs of data sessions: run operations and store their results."""
