"""The command line: what it prints, and how it fails."""

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
from core.database.connection import forget_statements
from core.settings import Settings, variable
from schema.app import SDL

ROOT = Path(__file__).parent.parent.parent
Carrel = Callable[..., "Done"]


@dataclass
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def carrel(data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Carrel:
    """Run a command in this process, which saves two seconds each."""

    def run(*words: str, stdin: str = "", **environment: str) -> Done:
        with monkeypatch.context() as place:
            place.setattr(sys, "argv", ["carrel", *words])
            place.setattr(sys, "stdin", StringIO(stdin))
            for name, value in {"CARREL_DATA_DIR": str(data_dir), **environment}.items():
                place.setenv(name, value)
            forget_statements()
            handlers, level = logging.root.handlers[:], logging.root.level
            code = _exit_code()
            logging.root.handlers[:] = handlers
            logging.root.setLevel(level)
        printed = capsys.readouterr()
        return Done(code, printed.out, printed.err)

    return run


def _exit_code() -> int:
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _process(data_dir: Path, *words: str) -> Done:
    """Run a command as a process of its own."""
    ours = {variable(field) for field in Settings.model_fields}
    clean = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        [sys.executable, "-c", "from carrel.cli import main; main()", *words],
        env={**clean, "CARREL_DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=data_dir,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def _sentence(done: Done) -> str:
    """Return the one line on standard error, which is a sentence and no traceback."""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("carrel: ")
    assert "Traceback" not in done.stderr
    return line


def test_the_schema_is_printed_as_it_is_committed(data_dir: Path) -> None:
    done = _process(data_dir, "schema")

    assert (done.returncode, done.stdout, done.stderr) == (0, SDL, "")


def test_an_account_is_made_listed_and_given_a_token(carrel: Carrel) -> None:
    assert "Applied: 0001" in carrel("migrate").stdout
    assert "newest shape" in carrel("migrate").stdout

    made = carrel("user", "add", "ada", "--role", "builder")
    assert (made.returncode, made.stderr) == (0, "")
    assert "shown once" in made.stdout
    given = carrel("user", "add", "bob", "--password-stdin", stdin="correct horse\n")
    assert given.stdout.strip() == "Made bob."

    assert carrel("user", "list").stdout.split() == ["ada", "bob"]
    token = carrel("user", "token", "ada", "--days", "1")
    assert token.stdout.startswith("carrel_api_")
    assert len(token.stdout.split()) == 1


@pytest.fixture
def migrated(carrel: Carrel) -> Carrel:
    """The command line over a database."""
    assert carrel("migrate").returncode == 0
    return carrel


def test_a_refusal_is_one_sentence_and_exit_code_1(migrated: Carrel) -> None:
    for words, told in (
        (("user", "token", "nobody"), "There is no user 'nobody'."),
        (("user", "add", "x"), "A user name has"),
        (("user", "add", "ada", "--role", "emperor"), "There is no role 'emperor'"),
    ):
        done = migrated(*words)
        assert done.returncode == 1, words
        assert told in _sentence(done)
        assert done.stdout == ""


def test_a_short_password_is_refused(migrated: Carrel) -> None:
    done = migrated("user", "add", "ada", "--password-stdin", stdin="short\n")

    assert (done.returncode, "10 characters" in _sentence(done)) == (1, True)


def test_with_debug_the_cause_is_shown_and_without_it_is_not(migrated: Carrel, data_dir: Path) -> None:
    told, shown = (_process(data_dir, *words, "user", "token", "nobody") for words in ((), ("--debug",)))

    assert (told.returncode, shown.returncode) == (1, 1)
    assert "nobody" in _sentence(told)
    assert "Traceback" in shown.stderr


@pytest.mark.parametrize(
    "words", [("nonsense",), ("user", "add"), ("user", "token", "ada", "--days", "soon"), ("--nonsense",)], ids=str
)
def test_misuse_is_exit_code_2_and_shows_the_usage(carrel: Carrel, words: tuple[str, ...]) -> None:
    done = carrel(*words)

    assert done.returncode == 2
    assert "Usage" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_settings_are_listed_with_their_variables(carrel: Carrel) -> None:
    done = carrel("user", "list", CARREL_LOG_LEVEL="LOUD", CARREL_SESSION_SECONDS="soon")

    assert done.returncode == 1
    sentence = _sentence(done)
    assert "CARREL_LOG_LEVEL" in sentence
    assert "CARREL_SESSION_SECONDS" in sentence


def test_what_is_missing_is_said_with_its_remedy(migrated: Carrel, data_dir: Path) -> None:
    done = _process(data_dir, "serve")

    assert done.returncode == 1
    assert "REDIS_URL" in _sentence(done)


def test_the_demo_needs_a_server(carrel: Carrel) -> None:
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


def test_a_function_does_not_follow_and_is_told_who_does(carrel: Carrel) -> None:
    done = carrel("worker", "--follow-only", AWS_LAMBDA_FUNCTION_NAME="sessions")

    assert done.returncode == 1
    assert "cannot follow logs and events" in done.stderr
    assert "carrel worker --follow-only" in done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Say either --queue or --every."),
        (("--queue", "sessions", "--every", "minute"), "Say either --queue or --every."),
        (("--queue", "videos"), "Functions serve no queue 'videos'; they serve sessions, imports."),
        (("--queue", "data"), "Functions serve no queue 'data'; they serve sessions, imports."),
        (("--queue", "sessions"), "no bell by HTTP hangs for sessions in local"),
    ],
)
def test_a_bell_that_cannot_be_rung_is_refused(carrel: Carrel, words: tuple[str, ...], sentence: str) -> None:
    done = carrel("ring", *words)

    assert done.returncode == 1
    assert sentence in done.stderr


def test_a_clean_up_of_an_unknown_pace_is_refused(carrel: Carrel) -> None:
    hung = {"CARREL_BELLS": '{"imports": "http://127.0.0.1:9/"}', "CARREL_BELL_SECRET": "s"}

    assert "every minute or every hour" in carrel("ring", "--every", "year", **hung).stderr
    assert "cannot be reached" in carrel("ring", "--every", "hour", **hung).stderr
