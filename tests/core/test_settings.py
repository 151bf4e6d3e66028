"""Settings come from the environment, and all mistakes are reported together."""

from pathlib import Path

import pytest

from core.errors import BadInput
from core.settings import Settings, load, variable


def test_every_setting_has_a_default() -> None:
    settings = load()

    assert settings.data_dir == Path.cwd() / ".carrel"
    assert (settings.database_url, settings.redis_url, settings.storage_url, settings.secret_key) == (None,) * 4
    assert settings.api_url == "http://127.0.0.1:8080"
    assert settings.session_seconds <= settings.session_seconds_limit
    assert settings.job_seconds < settings.lease_seconds


def test_data_folder_does_not_depend_on_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARREL_DATA_DIR", "data/here")

    assert load().data_dir == tmp_path / "data" / "here"
    assert load(data_dir="there").data_dir == tmp_path / "there"


def test_all_mistakes_are_listed_with_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "CARREL_SESSION_SECONDS": "soon",
        "CARREL_LOG_LEVEL": "LOUD",
        "CARREL_INSTANCE": "Not A Name",
        "CARREL_HEALTH_PORT": "70000",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(BadInput) as caught:
        load()

    for name in wrong:
        assert f"{name}: " in caught.value.message
    assert "\n" not in caught.value.message


def test_service_urls_use_standard_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://one")
    monkeypatch.setenv("REDIS_URL", "redis://two")
    monkeypatch.setenv("DOCKER_HOST", "unix:///three")

    settings = load()

    assert (settings.database_url, settings.redis_url, settings.docker_host) == (
        "postgres://one",
        "redis://two",
        "unix:///three",
    )


def test_overrides_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://theirs")
    monkeypatch.setenv("CARREL_REGION", "theirs")

    settings = load(database_url="postgres://given", region="given")

    assert (settings.database_url, settings.region) == ("postgres://given", "given")


def test_every_setting_has_a_variable_and_a_description() -> None:
    for name, field in Settings.model_fields.items():
        assert variable(name).isupper()
        assert (field.description or "").endswith(".")


def test_secret_is_not_printed() -> None:
    assert "hush" not in repr(load(secret_key="hush"))


def test_settings_are_immutable() -> None:
    settings = load()

    with pytest.raises(ValueError, match="frozen"):
        settings.region = "elsewhere"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("proxy", "address"),
    [
        ("http://sessions.localhost:8081", "http://sx.sessions.localhost:8081"),
        ("https://desks.example.org", "https://sx.desks.example.org"),
    ],
)
def test_each_session_has_a_host_below_the_proxy(proxy: str, address: str) -> None:
    assert load(sessions_url=proxy).session_address("sx") == address
