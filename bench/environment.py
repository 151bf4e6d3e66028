"""The environment of API benchmarks: a database with rows, a Redis, and API servers in separate processes."""

import argparse
import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
import uvloop

from bench import plain
from carrel import gc_tuning
from carrel.services import open_services
from core.clock import now
from core.database import connection
from core.redis.server import RedisServer
from core.security import tokens
from core.settings import Settings, load
from models.accounts.roles import Role, RoleHolder
from models.accounts.tokens import Token, TokenKind
from models.accounts.users import User
from models.permissions.principal import SERVICE, Actor
from models.services.accounts import authentication
from models.services.accounts import tokens as account_tokens
from models.services.accounts import users as accounts_users
from models.services.accounts.roles import sync_default_roles
from models.services.migration import migrate
from models.services.sessions import regions, sessions, workstations
from models.sessions.images import Image, ImageState
from schema.app import create_app
from schema.transport.server import ServerOptions

USERS, IMAGES, SESSIONS = 10, 10, 100
START_SECONDS = 20.0


@contextmanager
def with_database() -> Iterator[tuple[Settings, list[str]]]:
    """Yield the settings of a database with SESSIONS sessions, and the tokens of operators."""
    with TemporaryDirectory(prefix="carrel-bench-", ignore_cleanup_errors=True) as name:
        redis = RedisServer(Path(name) / "redis")
        try:
            settings = load(
                data_dir=Path(name),
                redis_url=asyncio.run(redis.start()),
                requests_per_minute=100_000_000,
                points_per_minute=2_000_000_000,
                log_level="WARNING",
            )
            asyncio.run(migrate(settings))
            yield settings, asyncio.run(_fill(settings))
        finally:
            asyncio.run(redis.stop())


async def _fill(settings: Settings) -> list[str]:
    async with open_services(settings):
        await sync_default_roles()
        region = await regions.ensure("local", 2)
        people = [await accounts_users.register(f"user{number}", None, role="operator") for number in range(USERS)]
        actors = [Actor.from_principal(await authentication.principal_for_user(person)) for person in people]
        workstation = await workstations.create("Viewer", actor=actors[0])
        images = [
            await Image.create(workstation=workstation, state=ImageState.READY, reference=f"v:{n}", http_port=8080)
            for n in range(IMAGES)
        ]
        for number in range(SESSIONS):
            await sessions.launch(images[number // USERS], region, settings, actor=actors[number % USERS])
        minted = [
            await account_tokens.mint(person.id, TokenKind.API, actor=SERVICE, lifetime=timedelta(hours=2))
            for person in people
        ]
    return [text.text for _, text in minted]


async def with_users(settings: Settings, people: int) -> list[str]:
    """Add users with the operator role and return a token of each."""
    async with open_services(settings):
        operator = await Role.get(name="operator", organization_id=None)
        minted = [tokens.mint(TokenKind.API) for _ in range(people)]
        first = (await User.all().order_by("-id").first() or User(id=0)).id + 1
        users = [User(id=first + number, username=f"crowd{number}") for number in range(people)]
        await User.bulk_create(users)
        await RoleHolder.bulk_create([RoleHolder(user_id=user.id, role_id=operator.id) for user in users])
        ends = now() + timedelta(hours=2)
        await Token.bulk_create(
            [
                Token(kind=TokenKind.API, key=each.key, digest=each.digest, user_id=user.id, expires_at=ends)
                for user, each in zip(users, minted, strict=True)
            ]
        )
    return [each.text for each in minted]


@contextmanager
def server(kind: str, settings: Settings, *, streams_per_caller: int = 200) -> Iterator[tuple[int, int]]:
    """Run the server `carrel`, `plain` or `tuned` (plain, with tuned garbage collection); yield port and process id."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port = int(opened.getsockname()[1])
    arguments = (port, settings.data_dir, settings.redis_url, streams_per_caller)
    command = [sys.executable, "-m", "bench.environment", kind, *map(str, arguments)]
    running = subprocess.Popen(command)
    try:
        _await_port(port)
        yield port, running.pid
    finally:
        running.terminate()
        running.wait(20)


def _await_port(port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"No server came up on port {port}.")


async def _serve(kind: str, port: int, data_dir: Path, redis_url: str, streams_per_caller: int) -> None:
    settings = load(
        data_dir=data_dir,
        redis_url=redis_url,
        api_url=f"http://127.0.0.1:{port}",
        requests_per_minute=100_000_000,
        points_per_minute=2_000_000_000,
    )
    uvicorn_options = {
        "port": port,
        "http": "httptools",
        "ws": "websockets-sansio",
        "lifespan": "off",
        "access_log": False,
    }
    uvicorn_options |= {"ws_ping_interval": None, "ws_per_message_deflate": False, "log_level": "warning"}
    async with open_services(settings) as services:
        server_options = ServerOptions(streams_per_caller=streams_per_caller)
        app = create_app(services.app_state, server_options) if kind == "carrel" else plain.create_app()
        await uvicorn.Server(uvicorn.Config(app, **uvicorn_options)).serve()  # type: ignore[arg-type]
    await connection.disconnect()


def main() -> None:
    """Serve one kind; `server` starts this process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["carrel", "plain", "tuned"])
    parser.add_argument("port", type=int)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("redis_url")
    parser.add_argument("streams_per_caller", type=int)
    options = parser.parse_args()
    if options.kind != "plain":
        gc_tuning.freeze_gc()  # As `carrel serve` does.
    with asyncio.Runner(loop_factory=_loop) as runner:
        runner.run(_serve(options.kind, options.port, options.data_dir, options.redis_url, options.streams_per_caller))


def _loop() -> asyncio.AbstractEventLoop:
    return uvloop.new_event_loop()


if __name__ == "__main__":
    main()
