"""The container engine: the protocol, the Docker engine, the fake engine, and heartbeats."""
