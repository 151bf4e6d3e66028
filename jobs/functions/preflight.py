"""The start of a function: reads its settings once, and refuses settings and commands that cannot work there."""

import logging
import os
from functools import cache
from urllib.parse import urlsplit

from core.errors import BadInput
from core.settings import Settings, load

HOST_VARIABLES = {
    "AWS_LAMBDA_FUNCTION_NAME": "AWS Lambda",
    "FUNCTION_TARGET": "a function host",
    "K_SERVICE": "Knative",
}


def detect_host() -> str | None:
    """Return the kind of function host that this process runs on, from its environment, or None."""
    return next((name for variable, name in HOST_VARIABLES.items() if os.environ.get(variable)), None)


def require_long_running_host() -> None:
    """Raise BadInput on a function host: events and logs cannot be followed where processes are frozen."""
    if found := detect_host():
        raise BadInput(
            f"A function on {found} cannot follow logs and events, because it is frozen between calls; run"
            " `carrel worker --follow-only` on a machine that stays up, one for each region."
        )


def check_settings(settings: Settings, *, needs_files: bool) -> None:
    """Raise BadInput for settings with which no function can work."""
    url = settings.database_url or "sqlite"
    if not url.startswith(("postgres://", "postgresql://", "asyncpg://")):
        raise BadInput("DATABASE_URL: a function has no persistent disk, so it cannot use SQLite; use PostgreSQL.")
    if urlsplit(settings.redis_url or "").scheme not in {"redis", "rediss"}:
        raise BadInput("REDIS_URL: a function reaches Redis over the network only; use redis://… or rediss://….")
    if urlsplit(settings.docker_host or "").scheme not in {"tcp", "http", "https", "fake"}:
        raise BadInput(
            "DOCKER_HOST: a function reaches no unix socket; use tcp://host:2376?tls=/folder, or run a"
            " worker beside it."
        )
    if needs_files and urlsplit(settings.storage_url or "").scheme != "s3":
        raise BadInput("CARREL_STORAGE_URL: a function has no persistent folder; use a bucket as s3://….")


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
