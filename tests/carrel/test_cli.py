"""The command line: output, errors and exit codes."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from carrel.cli import main
from core.database.connection import clear_statement_cache
from core.settings import Settings, variable
from schema.app import SDL
from tests.services.databases import copy_sqlite

ROOT = Path(__file__).parent.parent.parent
Carrel = Callable[..., "CommandResult"]


@dataclass
class CommandResult:
    """Exit code and output of a command."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def carrel(data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Carrel:
    """Run commands in this process, which saves two seconds each."""

    def run(*words: str, stdin: str = "", **environment: str) -> CommandResult:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["carrel", *words])
            patch.setattr(sys, "stdin", StringIO(stdin))
            for name, value in {"CARREL_DATA_DIR": str(data_dir), **environment}.items():
                patch.setenv(name, value)
            clear_statement_cache()
            handlers, level = logging.root.handlers[:], logging.root.level
            code = _exit_code()
            logging.root.handlers[:] = handlers
            logging.root.setLevel(level)
        printed = capsys.readouterr()
        return CommandResult(code, printed.out, printed.err)

    return run


def _exit_code() -> int:
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _process(data_dir: Path, *words: str) -> CommandResult:
    """Run a command in a separate process."""
    variables = {variable(field) for field in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in variables}
    done = subprocess.run(
        [sys.executable, "-c", "from carrel.cli import main; main()", *words],
        env={**environment, "CARREL_DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=data_dir,
    )
    return CommandResult(done.returncode, done.stdout, done.stderr)


def _sentence(done: CommandResult) -> str:
    """Return the only line on standard error; it must not be a traceback."""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("carrel: ")
    assert "Traceback" not in done.stderr
    return line


def test_schema_command_prints_the_sdl(data_dir: Path) -> None:
    done = _process(data_dir, "schema")

    assert (done.returncode, done.stdout, done.stderr) == (0, SDL, "")


def test_user_is_added_listed_and_given_token(carrel: Carrel) -> None:
    assert "Applied: 0001" in carrel("migrate").stdout
    assert "up to date" in carrel("migrate").stdout

    made = carrel("user", "add", "ada", "--role", "builder")
    assert (made.returncode, made.stderr) == (0, "")
    assert "shown once" in made.stdout
    given = carrel("user", "add", "bob", "--password-stdin", stdin="correct horse\n")
    assert given.stdout.strip() == "Added bob."

    assert carrel("user", "list").stdout.split() == ["ada", "bob"]
    token = carrel("user", "token", "ada", "--days", "1")
    assert token.stdout.startswith("carrel_api_")
    assert len(token.stdout.split()) == 1


@pytest.fixture
def migrated(carrel: Carrel, data_dir: Path, sqlite_template: Path) -> Carrel:
    """The command line over a migrated database."""
    copy_sqlite(sqlite_template, data_dir)
    return carrel


def test_refusal_is_one_sentence_and_exit_code_1(migrated: Carrel) -> None:
    for words, expected in (
        (("user", "token", "nobody"), "There is no user 'nobody'; see `carrel user list`."),
        (("user", "add", "x"), "A user name must have"),
        (("user", "add", "ada", "--role", "emperor"), "There is no role 'emperor'"),
    ):
        done = migrated(*words)
        assert done.returncode == 1, words
        assert expected in _sentence(done)
        assert done.stdout == ""


def test_short_password_is_refused(migrated: Carrel) -> None:
    done = migrated("user", "add", "ada", "--password-stdin", stdin="short\n")

    assert (done.returncode, "10 characters" in _sentence(done)) == (1, True)


def test_only_debug_shows_traceback(migrated: Carrel, data_dir: Path) -> None:
    quiet, debug = (_process(data_dir, *words, "user", "token", "nobody") for words in ((), ("--debug",)))

    assert (quiet.returncode, debug.returncode) == (1, 1)
    assert "nobody" in _sentence(quiet)
    assert "Traceback" in debug.stderr


@pytest.mark.parametrize(
    "words", [("nonsense",), ("user", "add"), ("user", "token", "ada", "--days", "soon"), ("--nonsense",)], ids=str
)
def test_misuse_shows_usage_and_exit_code_2(carrel: Carrel, words: tuple[str, ...]) -> None:
    done = carrel(*words)

    assert done.returncode == 2
    assert "Usage" in done.stderr
    assert "Traceback" not in done.stderr


def test_invalid_settings_are_listed_with_their_variables(carrel: Carrel) -> None:
    done = carrel("user", "list", CARREL_LOG_LEVEL="LOUD", CARREL_SESSION_SECONDS="soon")

    assert done.returncode == 1
    sentence = _sentence(done)
    assert "CARREL_LOG_LEVEL" in sentence
    assert "CARREL_SESSION_SECONDS" in sentence


def test_missing_redis_is_reported_with_remedy(migrated: Carrel, data_dir: Path) -> None:
    done = _process(data_dir, "serve")

    assert done.returncode == 1
    assert "REDIS_URL" in _sentence(done)


def test_demo_needs_a_server(carrel: Carrel) -> None:
    assert "carrel up" in _sentence(carrel("demo"))
    assert "carrel up" in _sentence(carrel("demo", "data"))
    done = carrel("demo", "--url", "http://127.0.0.1:1/graphql", "--token", "x")
    assert (done.returncode, "does not answer" in _sentence(done)) == (1, True)


@pytest.mark.parametrize(
    "words", [("user", "--help"), ("up", "--help"), ("demo", "--help"), ("demo", "data", "--help")], ids=str
)
def test_every_help_has_an_example(carrel: Carrel, words: tuple[str, ...]) -> None:
    done = carrel(*words)

    assert done.returncode == 0
    assert "Example" in done.stdout


def test_worker_on_function_host_is_refused(carrel: Carrel) -> None:
    done = carrel("worker", "--follow-only", AWS_LAMBDA_FUNCTION_NAME="sessions")

    assert done.returncode == 1
    assert "cannot follow logs and events" in done.stderr
    assert "carrel worker --follow-only" in done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Give either --queue or --every."),
        (("--queue", "sessions", "--every", "minute"), "Give either --queue or --every."),
        (("--queue", "videos"), "Functions do not serve the queue 'videos'; they serve sessions, imports."),
        (("--queue", "data"), "Functions do not serve the queue 'data'; they serve sessions, imports."),
        (("--queue", "sessions"), "CARREL_FUNCTION_URLS has no HTTP address for sessions in local"),
    ],
)
def test_impossible_wake_is_refused(carrel: Carrel, words: tuple[str, ...], sentence: str) -> None:
    done = carrel("wake", *words)

    assert done.returncode == 1
    assert sentence in done.stderr


def test_unknown_interval_is_refused(carrel: Carrel) -> None:
    variables = {"CARREL_FUNCTION_URLS": '{"imports": "http://127.0.0.1:9/"}', "CARREL_FUNCTION_SECRET": "s"}

    assert "every minute or every hour" in carrel("wake", "--every", "year", **variables).stderr
    assert "cannot be reached" in carrel("wake", "--every", "hour", **variables).stderr
