"""The reverse proxy in front of sessions: a hostname for each, an access check per request, bodies as bytes."""
