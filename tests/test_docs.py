"""The documentation says what is true: settings, commands, targets, versions."""

import re
import subprocess
import tomllib

import pytest
import typer

from carrel.cli import app
from core.settings import Settings, variable
from schema.example_queries import TABS
from scripts import settings_table
from tests.tree import ROOT

README = (ROOT / "README.md").read_text()


def commands(prefix: str, group: typer.core.TyperGroup) -> list[str]:
    """Return every command as a user types it, those of groups included."""
    typed: list[str] = []
    for name, command in group.commands.items():
        inside = commands(f"{prefix} {name}", command) if isinstance(command, typer.core.TyperGroup) else []
        typed += inside or [f"{prefix} {name}"]
    return typed


def test_the_table_of_settings_is_current() -> None:
    assert settings_table.with_table(README) == README, "Run `make fmt`."


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_says_what_it_is_for(field: str) -> None:
    assert Settings.model_fields[field].description, f"{variable(field)} has no description."


@pytest.mark.parametrize("command", commands("carrel", typer.main.get_group(app)))
def test_every_command_is_in_the_readme(command: str) -> None:
    assert re.search(rf"\b{re.escape(command)}\b", README), f"README.md does not mention `{command}`."


def test_make_lists_its_targets() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    for target in ("up", "test", "check", "fmt", "lock", "bench", "functions", "chaos", "clean"):
        assert re.search(rf"make {target} +\w", listed), f"`make {target}` has no line of help."


def test_the_version_of_the_changelog_is_that_of_the_package() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_locks_name_no_index() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        lines = lock.read_text().splitlines()
        assert not [line for line in lines if line.startswith("-") or "://" in line], lock.name


def test_the_queries_of_the_readme_are_those_of_the_walk() -> None:
    shown = [block.strip() for block in re.findall(r"```graphql\n(.*?)```", README, re.DOTALL)]
    walked = {tab.query.strip() for tab in TABS}

    assert shown
    assert [query for query in shown if query not in walked] == []
