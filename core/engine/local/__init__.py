"""Finding a container engine on this machine, or starting a private one."""
