"""Start-up of a function's process: reads its settings once and refuses those with which no call can work."""

import logging
import os
from functools import cache

from core.settings import Settings, load
from jobs.functions.preflight import check_settings, detect_host


@cache
def get_settings() -> Settings:
    """Return the settings of the environment; they are read once per process."""
    settings = load()
    logging.basicConfig()
    logging.getLogger().setLevel(settings.log_level)
    return settings


def check_environment() -> None:
    """Raise BadInput for settings with which no call can work; do nothing outside a function host."""
    if detect_host():
        # Only Lambda names the handler. On other hosts files are checked when a call needs them.
        handler = os.environ.get("_HANDLER", "")
        check_settings(get_settings(), needs_files=bool(handler) and not handler.endswith(".sessions"))
