"""Subscriptions send the current state, then each change, with current permissions, until the end."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from core.database.connection import transaction
from models.accounts.roles import Grant
from models.accounts.tokens import Token
from models.accounts.users import User
from models.permissions.principal import SERVICE
from models.services.accounts import tokens
from models.services.sessions import sessions
from models.services.transitions import transition
from models.sessions.images import ImageState
from models.sessions.regions import Region
from models.sessions.sessions import Session, SessionState
from tests.schema.api import Api

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ONE = "subscription($id: ID!) { sessionUpdated(id: $id) { id state reason creator { username } } }"
MINE = "subscription { mySessions { id state } }"
IMAGE = "subscription($id: ID!) { imageUpdated(id: $id) { state reason } }"


async def _row(api: Api) -> Session:
    return await Session.get(id=api.people.session.id)


async def test_stream_sends_every_session_state_once(api: Api) -> None:
    async with api.follow("guest", ONE, id=api.id("Session", api.people.session)) as stream:
        first = await stream.value()
        assert (first["state"], first["creator"]["username"]) == ("RUNNING", "guest")

        await sessions.request_stop(await _row(api), actor=SERVICE)
        assert (await stream.value())["state"] == "STOPPING"
        await transition(await _row(api), SessionState.STOPPED, SERVICE)
        assert (await stream.value())["state"] == "STOPPED"
        assert await stream.next() is None


async def test_ended_session_is_sent_once(api: Api) -> None:
    await Session.filter(id=api.people.session.id).update(state=SessionState.FAILED, reason="It ended.")

    async with api.follow("guest", ONE, id=api.id("Session", api.people.session)) as stream:
        assert (await stream.value())["reason"] == "It ended."
        assert await stream.next() is None


@pytest.mark.parametrize("name", ["stranger", "owner", "container"])
async def test_hidden_session_cannot_be_streamed(api: Api, name: str) -> None:
    other = await Session.create(
        image=api.people.image,
        region=api.people.region,
        creator=api.people.users["editor"],
        label="other",
        maximum_seconds=60,
        expires_at=api.people.session.expires_at,
    )
    async with api.follow(name, ONE, id=api.id("Session", other)) as stream:
        result = await stream.next()
        assert result is None or not any((result.get("data") or {}).values()), result


async def test_container_streams_its_own_session(api: Api) -> None:
    query = "subscription($id: ID!) { sessionUpdated(id: $id) { state } }"
    async with api.follow("container", query, id=api.id("Session", api.people.session)) as stream:
        assert (await stream.value())["state"] == "RUNNING"


async def test_my_sessions_sends_every_change(api: Api) -> None:
    async with api.follow("guest", MINE) as mine, api.follow("stranger", MINE) as none:
        assert [session["state"] for session in await mine.value()] == ["RUNNING"]
        assert await none.value() == []

        guest = await api.people.actor("guest")
        await sessions.launch(api.people.older, api.people.region, api.people.settings, actor=guest)
        assert [session["state"] for session in await mine.value()] == ["QUEUED", "RUNNING"]
        await sessions.request_stop(await _row(api), actor=guest)
        assert [session["state"] for session in await mine.value()] == ["QUEUED", "STOPPING"]


async def test_image_stream_ends_in_final_state(api: Api) -> None:
    await type(api.people.older).filter(id=api.people.older.id).update(state=ImageState.QUEUED)
    image = await type(api.people.older).get(id=api.people.older.id)

    async with api.follow("owner", IMAGE, id=api.id("Image", image)) as stream:
        assert (await stream.value())["state"] == "QUEUED"
        await transition(image, ImageState.IMPORTING, SERVICE)
        assert (await stream.value())["state"] == "IMPORTING"
        await transition(image, ImageState.FAILED, SERVICE, reason="It runs as root.")
        assert await stream.value() == {"state": "FAILED", "reason": "It runs as root."}
        assert await stream.next() is None


async def test_permissions_are_reloaded_for_every_event(api: Api) -> None:
    query = "subscription($id: ID!) { imageUpdated(id: $id) { state } }"
    await type(api.people.older).filter(id=api.people.older.id).update(state=ImageState.QUEUED)
    image = await type(api.people.older).get(id=api.people.older.id)
    async with api.follow("editor", query, id=api.id("Image", image)) as stream:
        await stream.value()

        await Grant.filter(user=api.people.users["editor"]).delete()
        await transition(image, ImageState.IMPORTING, SERVICE)

        async with asyncio.timeout(5):
            result = await stream.next()
        assert result is None or not any((result.get("data") or {}).values()), result


async def test_burst_of_changes_sends_the_last_state(api: Api) -> None:
    async with api.follow("guest", ONE, id=api.id("Session", api.people.session)) as stream:
        await stream.value()
        async with transaction():
            await transition(await _row(api), SessionState.STOPPING, SERVICE)
            await transition(await _row(api), SessionState.EXPIRED, SERVICE)

        assert (await stream.value())["state"] == "EXPIRED"
        assert await stream.next() is None


async def _token_of(api: Api, name: str) -> Token:
    return await Token.get(key=(await api.headers(name))["Authorization"].split("_")[2])


async def test_revoked_token_ends_streams_within_two_seconds(api: Api) -> None:
    token = await _token_of(api, "guest")
    async with api.follow("guest", MINE) as stream:
        await stream.value()
        await tokens.revoke(token, actor=SERVICE)

        async with asyncio.timeout(2):
            assert await stream.next() is None


@pytest.fixture
async def socket(api: Api) -> AsyncIterator[ClientConnection]:
    """A WebSocket of the guest's browser after connection_ack."""
    url = f"ws{str(api.http.base_url).rstrip('/').removeprefix('http')}/graphql"
    cookie = "; ".join(f"{name}={value}" for name, value in (await api.sign_in("guest")).items())
    origin = str(api.http.base_url).rstrip("/")
    async with connect(
        url,
        subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]
        additional_headers={"Cookie": cookie, "Origin": origin},
    ) as socket:
        await _send(socket, type="connection_init")
        assert (await _receive(socket))["type"] == "connection_ack"
        yield socket


async def _send(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def _receive(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while (message := json.loads(await socket.recv()))["type"] in {"ping", "pong"}:
            pass
    found: dict[str, Any] = message
    return found


async def test_browser_streams_over_websocket_with_cookie(api: Api, socket: ClientConnection) -> None:
    await _send(socket, type="subscribe", id="1", payload={"query": MINE})

    message = await _receive(socket)

    assert message["payload"]["data"]["mySessions"][0]["state"] == "RUNNING"


async def test_sign_out_closes_socket_within_two_seconds(api: Api, socket: ClientConnection) -> None:
    await _send(socket, type="subscribe", id="1", payload={"query": MINE})
    await _receive(socket)
    token = await Token.filter(kind="browser", user=api.people.users["guest"]).order_by("-id").first()
    assert token is not None
    await tokens.revoke(token, actor=SERVICE)

    async with asyncio.timeout(2):
        await socket.wait_closed()
    assert socket.close_code is not None


async def test_cross_site_websocket_is_refused(api: Api) -> None:
    url = f"ws{str(api.http.base_url).rstrip('/').removeprefix('http')}/graphql"
    cookie = "; ".join(f"{name}={value}" for name, value in (await api.sign_in("guest")).items())
    for origin in ("https://evil.example", f"http://{api.people.session.label}.sessions.localhost:8081"):
        with pytest.raises(Exception, match=r"403|rejected"):
            await connect(
                url,
                subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]
                additional_headers={"Cookie": cookie, "Origin": origin},
            )


async def test_inactive_user_cannot_open_stream(api: Api) -> None:
    await api.headers("guest")
    await User.filter(id=api.people.users["guest"].id).update(is_active=False)

    assert (await api.ask("guest", "{ viewer { username } }")).code == "UNAUTHENTICATED"


async def _queue(api: Api, *names: str) -> list[Session]:
    """Queue sessions in this order, without free capacity."""
    await Region.filter(id=api.people.region.id).update(capacity=0)
    waiting = []
    for name in names:
        actor = await api.people.actor(name)
        session, _ = await sessions.launch(api.people.image, api.people.region, api.people.settings, actor=actor)
        waiting.append(session)
    return waiting


async def test_queue_position_change_is_sent(api: Api) -> None:
    first, second, _ = await _queue(api, "owner", "editor", "operator")
    place = "subscription($id: ID!) { sessionUpdated(id: $id) { state queuePosition } }"
    mine = "subscription { mySessions { queuePosition } }"
    async with (
        api.follow("owner", place, id=api.id("Session", first)) as front,
        api.follow("editor", place, id=api.id("Session", second)) as one,
        api.follow("operator", mine) as all_of_mine,
    ):
        assert [(await front.value())["queuePosition"], (await one.value())["queuePosition"]] == [1, 2]
        assert await all_of_mine.value() == [{"queuePosition": 3}]

        await sessions.request_stop(first, actor=SERVICE)

        assert await one.value() == {"state": "QUEUED", "queuePosition": 1}
        assert await all_of_mine.value() == [{"queuePosition": 2}]
        assert (await front.value())["state"] == "STOPPED"


async def test_queue_change_behind_is_not_sent(api: Api) -> None:
    first, second = await _queue(api, "owner", "editor")
    place = "subscription($id: ID!) { sessionUpdated(id: $id) { state queuePosition } }"
    async with api.follow("owner", place, id=api.id("Session", first)) as front:
        await front.value()

        await sessions.request_stop(second, actor=SERVICE)
        await sessions.request_stop(await Session.get(id=first.id), actor=SERVICE)

        assert (await front.value())["state"] == "STOPPED", "the next thing that it receives is its own end"
