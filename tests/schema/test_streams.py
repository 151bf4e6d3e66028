"""Subscriptions: the present first, then each change, with the caller's rights as they are then, until the end."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from core.database.connection import transaction
from models.accounts.roles import Grant
from models.accounts.users import Token, User
from models.permissions.actor import SERVICE
from models.services.accounts import users
from models.services.sessions import sessions
from models.services.transitions import move_image, move_session
from models.sessions.images import ImageState
from models.sessions.regions import Region
from models.sessions.sessions import Session, SessionState
from tests.schema.api import Api

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ONE = "subscription($id: ID!) { sessionUpdated(id: $id) { id state reason creator { username } } }"
MINE = "subscription { mySessions { id state } }"
IMAGE = "subscription($id: ID!) { imageUpdated(id: $id) { state reason } }"


async def _row(api: Api) -> Session:
    return await Session.get(id=api.cast.session.id)


async def test_a_session_is_told_now_at_every_move_and_no_more_after_its_end(api: Api) -> None:
    async with api.follow("guest", ONE, id=api.id("Session", api.cast.session)) as stream:
        first = await stream.value()
        assert (first["state"], first["creator"]["username"]) == ("RUNNING", "guest")

        await sessions.request_stop(await _row(api), actor=SERVICE)
        assert (await stream.value())["state"] == "STOPPING"
        await move_session(await _row(api), SessionState.STOPPED, SERVICE)
        assert (await stream.value())["state"] == "STOPPED"
        assert await stream.next() is None


async def test_a_session_that_has_ended_is_told_once(api: Api) -> None:
    await Session.filter(id=api.cast.session.id).update(state=SessionState.FAILED, reason="It ended.")

    async with api.follow("guest", ONE, id=api.id("Session", api.cast.session)) as stream:
        assert (await stream.value())["reason"] == "It ended."
        assert await stream.next() is None


@pytest.mark.parametrize("name", ["stranger", "owner", "desk"])
async def test_what_one_may_not_see_is_not_followed(api: Api, name: str) -> None:
    other = await Session.create(
        image=api.cast.image,
        region=api.cast.region,
        creator=api.cast.users["editor"],
        label="other",
        maximum_seconds=60,
        expires_at=api.cast.session.expires_at,
    )
    async with api.follow(name, ONE, id=api.id("Session", other)) as stream:
        result = await stream.next()
        assert result is None or not any((result.get("data") or {}).values()), result


async def test_the_container_follows_its_own_session(api: Api) -> None:
    query = "subscription($id: ID!) { sessionUpdated(id: $id) { state } }"
    async with api.follow("desk", query, id=api.id("Session", api.cast.session)) as stream:
        assert (await stream.value())["state"] == "RUNNING"


async def test_my_sessions_are_told_now_and_whenever_one_of_them_changes(api: Api) -> None:
    async with api.follow("guest", MINE) as mine, api.follow("stranger", MINE) as none:
        assert [session["state"] for session in await mine.value()] == ["RUNNING"]
        assert await none.value() == []

        guest = await api.cast.actor("guest")
        await sessions.launch(api.cast.older, api.cast.region, api.cast.settings, actor=guest)
        assert [session["state"] for session in await mine.value()] == ["QUEUED", "RUNNING"]
        await sessions.request_stop(await _row(api), actor=guest)
        assert [session["state"] for session in await mine.value()] == ["QUEUED", "STOPPING"]


async def test_an_image_is_followed_until_it_is_settled(api: Api) -> None:
    await type(api.cast.older).filter(id=api.cast.older.id).update(state=ImageState.QUEUED)
    image = await type(api.cast.older).get(id=api.cast.older.id)

    async with api.follow("owner", IMAGE, id=api.id("Image", image)) as stream:
        assert (await stream.value())["state"] == "QUEUED"
        await move_image(image, ImageState.IMPORTING, SERVICE)
        assert (await stream.value())["state"] == "IMPORTING"
        await move_image(image, ImageState.FAILED, SERVICE, reason="It runs as root.")
        assert await stream.value() == {"state": "FAILED", "reason": "It runs as root."}
        assert await stream.next() is None


async def test_rights_are_read_again_at_every_event(api: Api) -> None:
    query = "subscription($id: ID!) { imageUpdated(id: $id) { state } }"
    await type(api.cast.older).filter(id=api.cast.older.id).update(state=ImageState.QUEUED)
    image = await type(api.cast.older).get(id=api.cast.older.id)
    async with api.follow("editor", query, id=api.id("Image", image)) as stream:
        await stream.value()

        await Grant.filter(user=api.cast.users["editor"]).delete()
        await move_image(image, ImageState.IMPORTING, SERVICE)

        async with asyncio.timeout(5):
            result = await stream.next()
        assert result is None or not any((result.get("data") or {}).values()), result


async def test_a_burst_of_changes_ends_in_the_last_one(api: Api) -> None:
    async with api.follow("guest", ONE, id=api.id("Session", api.cast.session)) as stream:
        await stream.value()
        async with transaction():
            await move_session(await _row(api), SessionState.STOPPING, SERVICE)
            await move_session(await _row(api), SessionState.EXPIRED, SERVICE)

        assert (await stream.value())["state"] == "EXPIRED"
        assert await stream.next() is None


async def _token_of(api: Api, name: str) -> Token:
    return await Token.get(key=(await api.headers(name))["Authorization"].split("_")[2])


async def test_a_revoked_token_ends_its_streams_within_two_seconds(api: Api) -> None:
    token = await _token_of(api, "guest")
    async with api.follow("guest", MINE) as stream:
        await stream.value()
        await users.revoke(token, actor=SERVICE)

        async with asyncio.timeout(2):
            assert await stream.next() is None


@pytest.fixture
async def socket(api: Api) -> AsyncIterator[ClientConnection]:
    """A websocket of the guest's browser, past its greeting."""
    url = f"ws{str(api.http.base_url).rstrip('/').removeprefix('http')}/graphql"
    cookie = "; ".join(f"{name}={value}" for name, value in (await api.sign_in("guest")).items())
    origin = str(api.http.base_url).rstrip("/")
    async with connect(
        url,
        subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]
        additional_headers={"Cookie": cookie, "Origin": origin},
    ) as socket:
        await _say(socket, type="connection_init")
        assert (await _hear(socket))["type"] == "connection_ack"
        yield socket


async def _say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def _hear(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while (message := json.loads(await socket.recv()))["type"] in {"ping", "pong"}:
            pass
    found: dict[str, Any] = message
    return found


async def test_a_browser_follows_over_a_websocket_with_its_cookie(api: Api, socket: ClientConnection) -> None:
    await _say(socket, type="subscribe", id="1", payload={"query": MINE})

    message = await _hear(socket)

    assert message["payload"]["data"]["mySessions"][0]["state"] == "RUNNING"


async def test_signing_out_closes_the_socket_within_two_seconds(api: Api, socket: ClientConnection) -> None:
    await _say(socket, type="subscribe", id="1", payload={"query": MINE})
    await _hear(socket)
    token = await Token.filter(kind="browser", user=api.cast.users["guest"]).order_by("-id").first()
    assert token is not None
    await users.revoke(token, actor=SERVICE)

    async with asyncio.timeout(2):
        await socket.wait_closed()
    assert socket.close_code is not None


async def test_the_page_of_another_site_gets_no_socket(api: Api) -> None:
    url = f"ws{str(api.http.base_url).rstrip('/').removeprefix('http')}/graphql"
    cookie = "; ".join(f"{name}={value}" for name, value in (await api.sign_in("guest")).items())
    for origin in ("https://evil.example", f"http://{api.cast.session.label}.sessions.localhost:8081"):
        with pytest.raises(Exception, match=r"403|rejected"):
            await connect(
                url,
                subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]
                additional_headers={"Cookie": cookie, "Origin": origin},
            )


async def test_an_inactive_users_new_stream_is_refused(api: Api) -> None:
    await api.headers("guest")
    await User.filter(id=api.cast.users["guest"].id).update(is_active=False)

    assert (await api.ask("guest", "{ viewer { username } }")).code == "UNAUTHENTICATED"


async def _queue(api: Api, *names: str) -> list[Session]:
    """Let people wait in line, in this order; no place is free."""
    await Region.filter(id=api.cast.region.id).update(capacity=0)
    waiting = []
    for name in names:
        actor = await api.cast.actor(name)
        session, _ = await sessions.launch(api.cast.image, api.cast.region, api.cast.settings, actor=actor)
        waiting.append(session)
    return waiting


async def test_those_who_wait_hear_that_the_line_moved_though_nothing_else_of_theirs_did(api: Api) -> None:
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


async def test_who_stands_before_the_one_who_leaves_hears_nothing(api: Api) -> None:
    first, second = await _queue(api, "owner", "editor")
    place = "subscription($id: ID!) { sessionUpdated(id: $id) { state queuePosition } }"
    async with api.follow("owner", place, id=api.id("Session", first)) as front:
        await front.value()

        await sessions.request_stop(second, actor=SERVICE)
        await sessions.request_stop(await Session.get(id=first.id), actor=SERVICE)

        assert (await front.value())["state"] == "STOPPED", "the next thing that it hears of is its own end"
