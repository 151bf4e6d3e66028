"""Settings that cannot work in a function are refused at start, in one sentence."""

import pytest

from core.errors import BadInput, Unavailable
from core.settings import Settings, load
from jobs.functions.preflight import check_settings, require_long_running_host
from jobs.functions.services import NullStorage

GOOD = {
    "database_url": "postgres://carrel@db/carrel",
    "redis_url": "rediss://cache:6379",
    "docker_host": "tcp://engine:2376?tls=/opt/tls",
    "storage_url": "s3://files",
}


def settings(**changes: object) -> Settings:
    return load(**{**GOOD, **changes})


def test_network_addresses_are_accepted() -> None:
    check_settings(settings(), needs_files=True)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"database_url": None}, "cannot use SQLite; use PostgreSQL"),
        ({"database_url": "sqlite:///tmp/carrel.sqlite3"}, "cannot use SQLite"),
        ({"redis_url": None}, "REDIS_URL"),
        ({"redis_url": "unix:///run/redis.sock"}, "over the network only"),
        ({"redis_url": "memory://"}, "over the network only"),
        ({"docker_host": None}, "DOCKER_HOST"),
        ({"docker_host": "unix:///var/run/docker.sock"}, "reaches no unix socket"),
        ({"storage_url": None}, "has no persistent folder"),
        ({"storage_url": "file:///srv"}, "has no persistent folder"),
    ],
)
def test_settings_impossible_in_function_are_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence) as refused:
        check_settings(settings(**changes), needs_files=True)

    assert "\n" not in refused.value.message


def test_function_without_files_needs_no_bucket() -> None:
    check_settings(settings(storage_url=None), needs_files=False)


def test_null_storage_refuses_access() -> None:
    with pytest.raises(Unavailable, match="no file storage"):
        _ = NullStorage().get


@pytest.mark.parametrize("variable", ["AWS_LAMBDA_FUNCTION_NAME", "FUNCTION_TARGET", "K_SERVICE"])
def test_function_cannot_follow(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "sessions")

    with pytest.raises(BadInput, match="carrel worker --follow-only"):
        require_long_running_host()

    monkeypatch.delenv(variable)
    require_long_running_host()  # A machine that stays up is not refused.
