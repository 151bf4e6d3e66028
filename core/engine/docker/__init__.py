"""The container engine over the Docker API; it also serves Podman."""
