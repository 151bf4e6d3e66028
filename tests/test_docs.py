"""The documentation is consistent with the code: settings, commands, targets, versions."""

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
WALKTHROUGH = (ROOT / "docs" / "walkthrough.md").read_text()
COMMAND_LINE = (ROOT / "docs" / "command-line.md").read_text()
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
SCREENS = 2
LINES_OF_A_SCREEN = 50
PAGES = ("architecture", "command-line", "functions", "glossary", "settings", "walkthrough")


def commands(prefix: str, group: typer.core.TyperGroup) -> list[str]:
    """Return every command as the user types it, including those of groups."""
    typed: list[str] = []
    for name, command in group.commands.items():
        inside = commands(f"{prefix} {name}", command) if isinstance(command, typer.core.TyperGroup) else []
        typed += inside or [f"{prefix} {name}"]
    return typed


def test_settings_table_is_current() -> None:
    assert settings_table.with_table(SETTINGS) == SETTINGS, "Run `make fmt`."


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_has_a_description(field: str) -> None:
    assert Settings.model_fields[field].description, f"{variable(field)} has no description."


@pytest.mark.parametrize("command", commands("carrel", typer.main.get_group(app)))
def test_every_command_is_documented(command: str) -> None:
    assert re.search(rf"\b{re.escape(command)}\b", COMMAND_LINE), f"docs/command-line.md does not mention `{command}`."


@pytest.mark.integration
def test_make_lists_its_targets() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    for target in ("up", "test", "check", "fmt", "lock", "bench", "functions", "chaos", "clean"):
        assert re.search(rf"make {target} +\w", listed), f"`make {target}` has no line of help."


def test_changelog_has_the_package_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_locks_name_no_index() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        lines = lock.read_text().splitlines()
        assert not [line for line in lines if line.startswith("-") or "://" in line], lock.name


@pytest.mark.parametrize("page", [README, WALKTHROUGH], ids=["readme", "walkthrough"])
def test_documented_queries_are_the_example_queries(page: str) -> None:
    blocks = [block.strip() for block in re.findall(r"```graphql\n(.*?)```", page, re.DOTALL)]
    examples = {tab.query.strip() for tab in TABS}

    assert blocks
    assert [query for query in blocks if query not in examples] == []


def test_readme_fits_two_screens() -> None:
    assert len(README.splitlines()) <= SCREENS * LINES_OF_A_SCREEN, "Move the details to a page below docs/."


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *(f"docs/{name}.md" for name in PAGES)])
def test_links_between_pages_exist(page: str) -> None:
    path = ROOT / page
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text())

    assert [target for target in targets if not (path.parent / target).exists()] == []
