"""What a function cannot do is refused before it begins, in one sentence."""

import pytest

from core.errors import BadInput, Unavailable
from core.settings import Settings, load
from jobs.functions.preflight import check, refuse_to_follow
from jobs.functions.services import NoFiles

GOOD = {
    "database_url": "postgres://carrel@db/carrel",
    "redis_url": "rediss://cache:6379",
    "docker_host": "tcp://engine:2376?tls=/opt/tls",
    "storage_url": "s3://files",
}


def settings(**changes: object) -> Settings:
    return load(**{**GOOD, **changes})


def test_addresses_on_the_network_are_taken() -> None:
    check(settings(), needs_files=True)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"database_url": None}, "cannot use SQLite; name a PostgreSQL"),
        ({"database_url": "sqlite:///tmp/carrel.sqlite3"}, "cannot use SQLite"),
        ({"redis_url": None}, "REDIS_URL"),
        ({"redis_url": "unix:///run/redis.sock"}, "over the network alone"),
        ({"redis_url": "memory://"}, "over the network alone"),
        ({"docker_host": None}, "DOCKER_HOST"),
        ({"docker_host": "unix:///var/run/docker.sock"}, "reaches no unix socket"),
        ({"storage_url": None}, "has no folder that lasts"),
        ({"storage_url": "file:///srv"}, "has no folder that lasts"),
    ],
)
def test_what_no_function_has_is_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence) as refused:
        check(settings(**changes), needs_files=True)

    assert "\n" not in refused.value.message


def test_who_handles_no_files_needs_no_bucket() -> None:
    check(settings(storage_url=None), needs_files=False)


def test_files_in_a_function_without_them_are_refused() -> None:
    with pytest.raises(Unavailable, match="no file storage"):
        _ = NoFiles().get


@pytest.mark.parametrize("variable", ["AWS_LAMBDA_FUNCTION_NAME", "FUNCTION_TARGET", "K_SERVICE"])
def test_a_function_does_not_follow(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "sessions")

    with pytest.raises(BadInput, match="carrel worker --follow-only"):
        refuse_to_follow()

    monkeypatch.delenv(variable)
    refuse_to_follow()  # A machine that stays up is not refused.
