"""Two API processes over one database and one Redis: what happens in one is told in the other, and Redis may die."""

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
from core.database.connection import forget_statements
from core.settings import Settings, load
from models.accounts.users import Token, TokenKind, User
from models.permissions.actor import SERVICE, Actor
from models.services.accounts import authentication, users
from models.services.accounts.roles import sync_default_roles
from models.services.sessions import sessions, workstations
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import Session, SessionState
from schema.graphql.node import decode, encode
from tests.e2e.installation import await_answer, free_port, process
from tests.services.databases import copy_sqlite
from tests.services.missing import needed
from tests.services.postgres import Postgres
from tests.services.redis import MortalRedis

FOLLOW = "subscription($id: ID!) { sessionUpdated(id: $id) { state } }"
STOP = "mutation($id: ID!) { sessionStop(id: $id) { session { state } errors { message } } }"
REVOKE = "mutation($id: ID!) { tokenRevoke(id: $id) { token { revokedAt } errors { message } } }"
AT_ONCE = 2.0
RECONNECTED = 8.0


@dataclass(frozen=True)
class Apis:
    """Two processes of `carrel serve`, and the Redis between them."""

    one: str
    two: str
    settings: Settings
    redis: MortalRedis


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def apis(request: pytest.FixtureRequest) -> Iterator[Apis]:
    """The processes, over each kind of database."""
    with TemporaryDirectory(prefix="carrel-two-", ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        with needed("Redis"):
            redis = MortalRedis(folder)
        redis.start()
        stack.callback(redis.kill)
        url = _database(request, folder)
        ours = load(data_dir=folder, database_url=url, redis_url=redis.address, health_port=0)
        asyncio.run(_furnish(ours))
        addresses = [f"http://127.0.0.1:{free_port()}" for _ in range(2)]
        for number, address in enumerate(addresses):
            running = stack.enter_context(process(ours, "serve", name=f"api-{number}", CARREL_API_URL=address))
            await_answer(running, f"{address}/health", 200)
        yield Apis(*addresses, ours, redis)


def _database(request: pytest.FixtureRequest, folder: Path) -> str:
    if request.param == "sqlite":
        return copy_sqlite(request.getfixturevalue("sqlite_template"), folder)
    postgres: Postgres = request.getfixturevalue("postgres")
    return asyncio.run(postgres.create(f"two_{uuid4().hex[:8]}", request.getfixturevalue("postgres_template")))


async def _furnish(settings: Settings) -> None:
    """Let there be ada."""
    forget_statements()
    await connection.connect(settings)
    await sync_default_roles()
    await users.register("ada", None, role="builder")
    await connection.disconnect()


@pytest.fixture
async def ada(apis: Apis) -> AsyncIterator[User]:
    """Somebody with an account, as the database knows them; this process sends nothing to Redis."""
    forget_statements()
    await connection.connect(apis.settings)
    yield await User.get(username="ada")
    await connection.disconnect()


async def _token(user: User, lifetime: timedelta | None = None, kind: TokenKind = TokenKind.API) -> tuple[str, str]:
    token, minted = await users.mint_token(user.id, kind, actor=SERVICE, lifetime=lifetime, name="test")
    return encode("Token", token.id), minted.text


async def _session(user: User, apis: Apis, title: str) -> str:
    """Queue a session; no worker runs, so it stays in line."""
    actor = Actor.of(await authentication.principal_for(user))
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
async def following(api: str, token: str, *ids: str) -> AsyncIterator[ClientConnection]:
    """Follow sessions over one socket, each under its own id; the present states have come when it is open."""
    url = f"ws{api.removeprefix('http')}/graphql"
    async with connect(url, subprotocols=["graphql-transport-ws"], proxy=None) as socket:  # type: ignore[list-item]
        await _say(socket, type="connection_init", payload={"Authorization": f"Bearer {token}"})
        assert (await _hear(socket))["type"] == "connection_ack"
        for each in ids:
            await _say(socket, type="subscribe", id=each, payload={"query": FOLLOW, "variables": {"id": each}})
            assert _state(await _hear(socket)) == "QUEUED"
        yield socket


async def _say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def _hear(socket: ClientConnection, within: float = 5.0) -> dict[str, Any]:
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


async def test_what_is_done_in_one_process_is_told_in_the_other_at_once(apis: Apis, ada: User) -> None:
    _, token = await _token(ada)
    session = await _session(ada, apis, "One")
    async with following(apis.one, token, session) as socket:
        await _ask(apis.two, token, STOP, id=session)

        assert _state(await _hear(socket, AT_ONCE)) == "STOPPED"
        assert (await _hear(socket, AT_ONCE))["type"] == "complete"


async def test_a_token_that_is_revoked_in_one_process_closes_the_sockets_of_the_other(apis: Apis, ada: User) -> None:
    key, token = await _token(ada)
    _, other = await _token(ada)
    session = await _session(ada, apis, "One")
    async with following(apis.one, token, session) as socket, following(apis.one, other, session) as stays:
        await _ask(apis.two, other, REVOKE, id=key)

        assert await _close_code(socket, AT_ONCE) == 4403
        await _ask(apis.two, other, STOP, id=session)
        assert _state(await _hear(stays, AT_ONCE)) == "STOPPED"


async def test_signing_out_in_one_process_closes_the_sockets_of_the_other(apis: Apis, ada: User) -> None:
    _, text = await _token(ada, kind=TokenKind.BROWSER)
    headers = {"Cookie": f"carrel-browser={text}", "Origin": apis.one}
    url = f"ws{apis.one.removeprefix('http')}/graphql"
    async with connect(
        url,
        subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]
        additional_headers=headers,
        proxy=None,
    ) as socket:
        await _say(socket, type="connection_init")
        assert (await _hear(socket))["type"] == "connection_ack"
        async with httpx2.AsyncClient(trust_env=False, timeout=10, cookies={"carrel-browser": text}) as browser:
            answer = await browser.post(f"{apis.two}/sign-out", headers={"Origin": apis.two, "X-Carrel-CSRF": "1"})
            assert answer.status_code in {200, 303}, answer.text

        assert await _close_code(socket, AT_ONCE) == 4403
    assert (await Token.filter(user=ada, kind=TokenKind.BROWSER).first()).revoked_at  # type: ignore[union-attr]


async def test_a_token_that_expires_closes_its_sockets(apis: Apis, ada: User) -> None:
    session = await _session(ada, apis, "One")
    _, token = await _token(ada, timedelta(seconds=2))
    async with following(apis.one, token, session) as socket:
        assert await _close_code(socket, 2 + AT_ONCE) == 4403


async def test_while_redis_is_dead_work_goes_on_and_afterwards_no_state_is_lost(apis: Apis, ada: User) -> None:
    _, token = await _token(ada)
    first, second = [await _session(ada, apis, title) for title in ("One", "Two")]
    async with following(apis.one, token, first, second) as socket:
        apis.redis.kill()
        await _ask(apis.two, token, STOP, id=first)
        assert (await Session.get(id=decode(first)[1])).state is SessionState.STOPPED

        apis.redis.start()

        message = await _hear(socket, RECONNECTED)
        assert (message["id"], _state(message)) == (first, "STOPPED")
        assert (await _hear(socket))["type"] == "complete"
        await _ask(apis.two, token, STOP, id=second)
        told = [_state(await _hear(socket, RECONNECTED))]
        if told == ["QUEUED"]:  # The second has moved up to the place of the first.
            told.append(_state(await _hear(socket, RECONNECTED)))
        assert told[-1] == "STOPPED"


async def test_a_redis_that_comes_back_twice_is_no_more_than_a_pause(apis: Apis, ada: User) -> None:
    _, token = await _token(ada)
    key, doomed = await _token(ada)
    session = await _session(ada, apis, "One")
    async with following(apis.one, doomed, session) as socket:
        for _ in range(2):
            apis.redis.kill()
            apis.redis.start()
        apis.redis.kill()
        await _ask(apis.two, token, REVOKE, id=key)
        apis.redis.start()

        assert await _close_code(socket, RECONNECTED) == 4403
