"""`carrel user`: accounts and tokens, for the first operator and for scripts."""

import asyncio
import secrets
import sys
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Annotated, Any

import typer

from core.database import connection
from core.errors import NotFound
from core.settings import Settings, load
from models.accounts.tokens import TokenKind
from models.accounts.users import User
from models.permissions.default_roles import DEFAULT_ROLES
from models.permissions.principal import SERVICE
from models.services.accounts import tokens, users
from models.tables import TABLES

app = typer.Typer(
    help="Add accounts and create tokens. Example: carrel user add ada --role builder.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="The user name.")]


def _run(work: Callable[[], Coroutine[Any, Any, None]], settings: Settings) -> None:
    async def inside() -> None:
        try:
            await connection.connect(settings, TABLES)
            await work()
        finally:
            await connection.disconnect()

    asyncio.run(inside())


@app.command()
def add(
    name: Name,
    role: Annotated[str, typer.Option(envvar="CARREL_ROLE", help=f"One of {', '.join(DEFAULT_ROLES)}.")] = "researcher",
    password_stdin: Annotated[
        bool,
        typer.Option(
            "--password-stdin",
            envvar="CARREL_PASSWORD_STDIN",
            help="Read the password from standard input; by default one is generated.",
        ),
    ] = False,
) -> None:
    """Add an account and print its password. Example: carrel user add ada --role builder."""
    password = sys.stdin.readline().rstrip("\n") if password_stdin else secrets.token_urlsafe(12)

    async def work() -> None:
        await users.register(name, password, role=role)
        typer.echo(f"Added {name}." if password_stdin else f"Added {name}; password (shown once): {password}")

    _run(work, load())


@app.command("list")
def list_() -> None:
    """Print the user names. Example: carrel user list."""

    async def work() -> None:
        for user in await User.all().order_by("username"):
            typer.echo(user.username)

    _run(work, load())


@app.command()
def token(
    name: Name,
    days: Annotated[int, typer.Option(envvar="CARREL_TOKEN_DAYS", help="Lifetime of the token, in days.")] = 7,
) -> None:
    """Create an API token of a user and print it. Example: carrel user token ada --days 30."""

    async def work() -> None:
        user = await User.get_or_none(username=name)
        if user is None:
            raise NotFound(f"There is no user {name!r}; see `carrel user list`.")
        _, minted = await tokens.mint(
            user.id, TokenKind.API, actor=SERVICE, lifetime=timedelta(days=days), name="command line"
        )
        typer.echo(minted.text)

    _run(work, load())
