"""What a function cannot do is refused before it begins, in one sentence that says what to do instead."""

import os
from urllib.parse import urlsplit

from core.errors import BadInput
from core.settings import Settings

HOSTS = {"AWS_LAMBDA_FUNCTION_NAME": "AWS Lambda", "FUNCTION_TARGET": "a function host", "K_SERVICE": "Knative"}


def host() -> str | None:
    """Return what sort of function host this process runs on, by what such hosts put into the environment."""
    return next((name for variable, name in HOSTS.items() if os.environ.get(variable)), None)


def refuse_to_follow() -> None:
    """Refuse to follow logs and events where the process is frozen between calls."""
    if found := host():
        raise BadInput(
            f"A function on {found} cannot follow logs and events, since it is frozen between its calls; run"
            " `carrel worker --follow-only` on a machine that stays up, one for each region."
        )


def check(settings: Settings, *, needs_files: bool) -> None:
    """Refuse settings with which no function can work."""
    url = settings.database_url or "sqlite"
    if not url.startswith(("postgres://", "postgresql://", "asyncpg://")):
        raise BadInput(
            "DATABASE_URL: a function shares no disk with anybody, so it cannot use SQLite; name a PostgreSQL."
        )
    if urlsplit(settings.redis_url or "").scheme not in {"redis", "rediss"}:
        raise BadInput(
            "REDIS_URL: a function reaches Redis over the network alone; name it as redis://… or rediss://…."
        )
    if urlsplit(settings.docker_host or "").scheme not in {"tcp", "http", "https", "fake"}:
        raise BadInput(
            "DOCKER_HOST: a function reaches no unix socket; name the engine as tcp://host:2376?tls=/folder, or run a"
            " worker beside it."
        )
    if needs_files and urlsplit(settings.storage_url or "").scheme != "s3":
        raise BadInput("CARREL_STORAGE_URL: a function has no folder that lasts; name a bucket as s3://….")
