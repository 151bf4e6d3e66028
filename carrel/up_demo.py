"""The demo of `carrel up`: its user, its sessions, and the addresses on the console and in up.json for scripts."""

import asyncio
import json
import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from carrel import demo, demo_data
from carrel.client import Client
from carrel.services import ProcessServices
from core.clock import now
from core.concurrency.cancellable_thread import run_in_thread
from core.database.connection import transaction
from core.errors import CarrelError
from models.accounts.tokens import Token, TokenKind
from models.accounts.users import User
from models.permissions.principal import SERVICE
from models.services.accounts import tokens, users
from schema.http.sign_in import mint_sign_in_code

USERNAME = "demo"
TOKEN_NAME = "carrel up"  # noqa: S105 - the name of a token, not its secret
ADDRESSES = "up.json"
"""The file in the data folder that has the addresses of a running `carrel up`."""


@dataclass(frozen=True)
class DemoAccess:
    """Credentials of the demo user: a token for scripts, a one-time code for browsers, and a new user's password."""

    token: str
    code: str
    password: str | None


async def run(services: ProcessServices, console: Console) -> None:
    """Run the demo and print the addresses."""
    settings = services.settings
    access = await _demo_user(services)
    client = Client(f"{settings.api_url}/graphql", access.token)
    archive = settings.data_dir / "workstation.tar.gz"

    def echo(line: str) -> None:
        console.print(f"  {line}", markup=False)

    try:
        session = await run_in_thread(partial(demo.run, client, settings.docker_host or "", archive, echo))
    except CarrelError as error:
        console.print(f"  The demo failed: {error.message}", style="red", markup=False)
        session = demo.DemoSession("", "")
    datasession_id = await _run_data_demo(client, console)
    _print(services, console, access, session)
    await asyncio.to_thread(_write_addresses, services, access, session, datasession_id)


async def _run_data_demo(client: Client, console: Console) -> str:
    """Create the demo's data sessions unless they exist; return the id of the one in which operations ran."""
    try:
        created = await asyncio.to_thread(demo_data.run, client, lambda line: console.print(f"  {line}", markup=False))
    except CarrelError as error:
        console.print(f"  The demo's data sessions could not be created: {error.message}", style="red", markup=False)
        return ""
    return created.worked


async def _demo_user(services: ProcessServices) -> DemoAccess:
    user, password = await User.get_or_none(username=USERNAME), None
    if user is None:
        password = secrets.token_urlsafe(12)
        user = await users.register(USERNAME, password, role="operator")
    async with transaction():
        for token in await Token.filter(user_id=user.id, name=TOKEN_NAME, revoked_at=None):
            await tokens.revoke(token, actor=SERVICE, cause="carrel up was started again")
        _, minted = await tokens.mint(
            user.id, TokenKind.API, actor=SERVICE, lifetime=timedelta(days=7), name=TOKEN_NAME
        )
    code = secrets.token_urlsafe(24)
    await mint_sign_in_code(services.redis, user.id, code)
    return DemoAccess(minted.text, code, password)


def _print(services: ProcessServices, console: Console, access: DemoAccess, session: demo.DemoSession) -> None:
    settings = services.settings
    lines = [
        ("GraphiQL, signed in (once)", f"{settings.api_url}/sign-in?code={access.code}"),
        ("GraphQL", f"{settings.api_url}/graphql"),
        ("SDL", f"{settings.api_url}/schema.graphql"),
        ("Running session", session.session_url or "none"),
        ("Data", str(settings.data_dir)),
        ("For scripts", str(settings.data_dir / ADDRESSES)),
    ]
    if access.password:
        lines.append(("User demo, password (shown once)", access.password))
    console.print("\nCarrel is up.\n", style="bold green")
    for name, value in lines:
        console.print(f"  {name:34}{value}", soft_wrap=True, markup=False, highlight=False)
    console.print("\n  Open GraphiQL first: it signs your browser in, for the session too.")
    console.print("  Ctrl-C ends everything, sessions included.\n")


def _write_addresses(
    services: ProcessServices, access: DemoAccess, session: demo.DemoSession, datasession_id: str
) -> None:
    """Write addresses and token to up.json for scripts; only this system user can read the file."""
    settings = services.settings
    parts = urlsplit(settings.sessions_url)
    addresses = {
        "graphql": f"{settings.api_url}/graphql",
        "sdl": f"{settings.api_url}/schema.graphql",
        "token": access.token,
        "sessionId": session.session_id,
        "sessionUrl": session.session_url,
        "datasessionId": datasession_id,
        "proxy": f"{parts.scheme}://{parts.netloc}",
        "startedAt": now().isoformat(),
    }
    file = settings.data_dir / ADDRESSES
    _write_private_file(file, json.dumps(addresses, indent=2) + "\n")


def _write_private_file(file: Path, text: str) -> None:
    # Written beside the file and renamed, so that readers never see half of it.
    part = file.with_suffix(".part")
    part.touch(mode=0o600)
    part.chmod(0o600)
    part.write_text(text)
    part.replace(file)
