"""Jobs of sessions: launch and stop containers, import images, follow the engine."""
