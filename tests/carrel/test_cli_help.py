"""Every command has one line of help with an example; every option has help and shows its variable."""

import re
from collections.abc import Iterator

import pytest
import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from carrel.cli import app

COMMON = {"help"}
"""Options that click itself adds."""


def _commands(command: object, path: tuple[str, ...]) -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    assert isinstance(command, TyperCommand | TyperGroup)
    yield " ".join(path), command
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, (*path, name))


COMMANDS = dict(_commands(typer.main.get_command(app), ("carrel",)))
OPTIONS = {
    f"{path} {option.opts[-1]}": option
    for path, command in COMMANDS.items()
    for option in command.params
    if isinstance(option, TyperOption) and option.name not in COMMON
}


def test_all_commands_are_found() -> None:
    assert {"carrel up", "carrel serve", "carrel worker", "carrel proxy", "carrel user add"} <= COMMANDS.keys()
    assert {"carrel worker --follow-only", "carrel user token --days"} <= OPTIONS.keys()


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_one_line_of_help_with_its_example(path: str) -> None:
    text = COMMANDS[path].help or ""

    assert "\n" not in text.strip()
    example = re.search(r"Example: (.+)\.$", text)
    assert example, "End the help with an example of the command."
    assert path in example[1]


@pytest.mark.parametrize("path", OPTIONS)
def test_every_option_shows_its_variable(path: str) -> None:
    option = OPTIONS[path]

    assert option.help
    assert str(option.envvar or "").startswith("CARREL_"), "Give the option a variable CARREL_…."
    assert option.show_envvar
    context = typer.Context(COMMANDS[path.rpartition(" ")[0]])
    _, printed = option.get_help_record(context) or ("", "")
    assert f"env var: {option.envvar}" in printed
