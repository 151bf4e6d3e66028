"""The front door: the command line, and everything together on one machine."""
