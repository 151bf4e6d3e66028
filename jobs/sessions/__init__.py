"""Jobs of sessions: launch and stop containers, import images, watch the engine."""
