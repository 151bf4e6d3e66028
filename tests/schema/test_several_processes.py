"""Two API processes share a database and a Redis: events reach both, even across Redis outages."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from core.database import connection
from core.database.connection import clear_statement_cache
from core.settings import Settings, load
from models.accounts.tokens import Token, TokenKind
from models.accounts.users import User
from models.permissions.principal import SERVICE, Actor
from models.services.accounts import authentication, tokens, users
from models.services.accounts.roles import sync_default_roles
from models.services.sessions import sessions, workstations
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import Session, SessionState
from models.tables import TABLES
from schema.graphql.node import decode, encode
from tests.e2e.installation import free_port, process, wait_for_status
from tests.services.databases import copy_sqlite
from tests.services.missing import required_service
from tests.services.postgres import Postgres
from tests.services.redis import KillableRedis

FOLLOW = "subscription($id: ID!) { sessionUpdated(id: $id) { state } }"
STOP = "mutation($id: ID!) { sessionStop(id: $id) { session { state } errors { message } } }"
REVOKE = "mutation($id: ID!) { tokenRevoke(id: $id) { token { revokedAt } errors { message } } }"
AT_ONCE = 2.0
RECONNECTED = 8.0


@dataclass(frozen=True)
class Apis:
    """Two processes of `carrel serve` and their Redis."""

    one: str
    two: str
    settings: Settings
    redis: KillableRedis


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def apis(request: pytest.FixtureRequest) -> Iterator[Apis]:
    """The processes, over each kind of database."""
    with TemporaryDirectory(prefix="carrel-two-", ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        with required_service("Redis"):
            redis = KillableRedis(folder)
        redis.start()
        stack.callback(redis.kill)
        url = _database(request, folder)
        api_settings = load(data_dir=folder, database_url=url, redis_url=redis.address, health_port=0)
        asyncio.run(_create_user(api_settings))
        addresses = [f"http://127.0.0.1:{free_port()}" for _ in range(2)]
        for number, address in enumerate(addresses):
            running = stack.enter_context(process(api_settings, "serve", name=f"api-{number}", CARREL_API_URL=address))
            wait_for_status(running, f"{address}/health", 200)
        yield Apis(*addresses, api_settings, redis)


def _database(request: pytest.FixtureRequest, folder: Path) -> str:
    if request.param == "sqlite":
        return copy_sqlite(request.getfixturevalue("sqlite_template"), folder)
    postgres: Postgres = request.getfixturevalue("postgres")
    return asyncio.run(postgres.create(f"two_{uuid4().hex[:8]}", request.getfixturevalue("postgres_template")))


async def _create_user(settings: Settings) -> None:
    """Create the user ada."""
    clear_statement_cache()
    await connection.connect(settings, TABLES)
    await sync_default_roles()
    await users.register("ada", None, role="builder")
    await connection.disconnect()


@pytest.fixture
async def ada(apis: Apis) -> AsyncIterator[User]:
    """The user ada. The test process sends nothing to Redis."""
    clear_statement_cache()
    await connection.connect(apis.settings, TABLES)
    yield await User.get(username="ada")
    await connection.disconnect()


async def _token(user: User, lifetime: timedelta | None = None, kind: TokenKind = TokenKind.API) -> tuple[str, str]:
    token, minted = await tokens.mint(user.id, kind, actor=SERVICE, lifetime=lifetime, name="test")
    return encode("Token", token.id), minted.text


async def _session(user: User, apis: Apis, title: str) -> str:
    """Queue a session. Without a worker it other_socket queued."""
    actor = Actor.from_principal(await authentication.principal_for_user(user))
    workstation = await workstations.create(title, actor=actor)
    image = await Image.create(workstation=workstation, state=ImageState.READY, is_desired=True, reference="x:1")
    region = await Region.get(name="local")
    session, _ = await sessions.launch(image, region, apis.settings, actor=actor)
    return encode("Session", session.id)


async def _ask(api: str, token: str, query: str, **variables: Any) -> Any:
    async with httpx2.AsyncClient(trust_env=False, timeout=20) as client:
        body = {"query": query, "variables": variables}
        answer = await client.post(f"{api}/graphql", json=body, headers={"authorization": f"Bearer {token}"})
        (value,) = answer.json()["data"].values()
        assert value["errors"] == []
        return value


@asynccontextmanager
async def subscribed(api: str, token: str, *ids: str) -> AsyncIterator[ClientConnection]:
    """Stream sessions over one socket. The current states were received when it is open."""
    url = f"ws{api.removeprefix('http')}/graphql"
    async with connect(url, subprotocols=["graphql-transport-ws"], proxy=None) as socket:  # type: ignore[list-item]
        await _send(socket, type="connection_init", payload={"Authorization": f"Bearer {token}"})
        assert (await _receive(socket))["type"] == "connection_ack"
        for each in ids:
            await _send(socket, type="subscribe", id=each, payload={"query": FOLLOW, "variables": {"id": each}})
            assert _state(await _receive(socket)) == "QUEUED"
        yield socket


async def _send(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def _receive(socket: ClientConnection, within: float = 5.0) -> dict[str, Any]:
    async with asyncio.timeout(within):
        while (message := json.loads(await socket.recv()))["type"] in {"ping", "pong"}:
            pass
    found: dict[str, Any] = message
    return found


def _state(message: dict[str, Any]) -> str:
    state: str = message["payload"]["data"]["sessionUpdated"]["state"]
    return state


async def _close_code(socket: ClientConnection, within: float) -> int | None:
    async with asyncio.timeout(within):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


async def test_change_reaches_streams_of_other_process(apis: Apis, ada: User) -> None:
    _, token = await _token(ada)
    session = await _session(ada, apis, "One")
    async with subscribed(apis.one, token, session) as socket:
        await _ask(apis.two, token, STOP, id=session)

        assert _state(await _receive(socket, AT_ONCE)) == "STOPPED"
        assert (await _receive(socket, AT_ONCE))["type"] == "complete"


async def test_revocation_closes_sockets_of_other_process(apis: Apis, ada: User) -> None:
    key, token = await _token(ada)
    _, other = await _token(ada)
    session = await _session(ada, apis, "One")
    async with subscribed(apis.one, token, session) as socket, subscribed(apis.one, other, session) as other_socket:
        await _ask(apis.two, other, REVOKE, id=key)

        assert await _close_code(socket, AT_ONCE) == 4403
        await _ask(apis.two, other, STOP, id=session)
        assert _state(await _receive(other_socket, AT_ONCE)) == "STOPPED"


async def test_sign_out_closes_sockets_of_other_process(apis: Apis, ada: User) -> None:
    _, text = await _token(ada, kind=TokenKind.BROWSER)
    headers = {"Cookie": f"carrel-browser={text}", "Origin": apis.one}
    url = f"ws{apis.one.removeprefix('http')}/graphql"
    async with connect(
        url,
        subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]
        additional_headers=headers,
        proxy=None,
    ) as socket:
        await _send(socket, type="connection_init")
        assert (await _receive(socket))["type"] == "connection_ack"
        async with httpx2.AsyncClient(trust_env=False, timeout=10, cookies={"carrel-browser": text}) as browser:
            answer = await browser.post(f"{apis.two}/sign-out", headers={"Origin": apis.two, "X-Carrel-CSRF": "1"})
            assert answer.status_code in {200, 303}, answer.text

        assert await _close_code(socket, AT_ONCE) == 4403
    assert (await Token.filter(user=ada, kind=TokenKind.BROWSER).first()).revoked_at  # type: ignore[union-attr]


async def test_expired_token_closes_its_sockets(apis: Apis, ada: User) -> None:
    session = await _session(ada, apis, "One")
    _, token = await _token(ada, timedelta(seconds=2))
    async with subscribed(apis.one, token, session) as socket:
        assert await _close_code(socket, 2 + AT_ONCE) == 4403


async def test_redis_outage_loses_no_state(apis: Apis, ada: User) -> None:
    _, token = await _token(ada)
    first, second = [await _session(ada, apis, title) for title in ("One", "Two")]
    async with subscribed(apis.one, token, first, second) as socket:
        apis.redis.kill()
        await _ask(apis.two, token, STOP, id=first)
        assert (await Session.get(id=decode(first)[1])).state is SessionState.STOPPED

        apis.redis.start()

        message = await _receive(socket, RECONNECTED)
        assert (message["id"], _state(message)) == (first, "STOPPED")
        assert (await _receive(socket))["type"] == "complete"
        await _ask(apis.two, token, STOP, id=second)
        states = [_state(await _receive(socket, RECONNECTED))]
        if states == ["QUEUED"]:  # The second moved up in the queue.
            states.append(_state(await _receive(socket, RECONNECTED)))
        assert states[-1] == "STOPPED"


async def test_repeated_redis_restart_only_delays_events(apis: Apis, ada: User) -> None:
    _, token = await _token(ada)
    key, doomed = await _token(ada)
    session = await _session(ada, apis, "One")
    async with subscribed(apis.one, doomed, session) as socket:
        for _ in range(2):
            apis.redis.kill()
            apis.redis.start()
        apis.redis.kill()
        await _ask(apis.two, token, REVOKE, id=key)
        apis.redis.start()

        assert await _close_code(socket, RECONNECTED) == 4403
