"""Configures logging: one line per record on standard error."""

import logging
import sys

QUIET = ("asyncio", "docker", "urllib3", "uvicorn.error", "uvicorn.access", "arq", "tortoise", "httpx")


def configure(level: str) -> None:
    """Log at `level`; the libraries in QUIET log from WARNING up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
