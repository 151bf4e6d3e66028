"""Redis: the client, and a private server for one machine."""
