"""Finds a container engine on this machine, or starts a private one."""
