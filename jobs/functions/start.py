"""What a function's process does once: read its settings, and refuse those with which it cannot work."""

import logging
import os
from functools import cache

from core.settings import Settings, load
from jobs.functions.preflight import check, host


@cache
def settings() -> Settings:
    """Return the settings of the environment, which hold as long as the process."""
    found = load()
    logging.basicConfig()
    logging.getLogger().setLevel(found.log_level)
    return found


def refuse_what_cannot_be() -> None:
    """Refuse settings with which no call could work, if this is a function's process; Lambda tells which function."""
    if host():
        handler = os.environ.get("_HANDLER", "")
        check(settings(), needs_files=bool(handler) and not handler.endswith(".sessions"))
