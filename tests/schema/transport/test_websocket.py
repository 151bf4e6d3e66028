"""The graphql-transport-ws protocol, tested with a plain websocket client."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from schema.transport.server import ServerOptions
from tests.schema.library_server import Library

INIT = {"type": "connection_init", "payload": {"Authorization": "Bearer reader"}}


class Peer:
    """A client that sends and receives JSON."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, message: Any) -> None:
        await self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def receive(self) -> Any:
        async with asyncio.timeout(5):
            return json.loads(await self.socket.recv())

    async def subscribe(self, query: str, id: str = "1", **payload: Any) -> None:  # noqa: A002
        await self.send({"type": "subscribe", "id": id, "payload": {"query": query, **payload}})

    async def closed(self) -> int:
        with suppress(ConnectionClosedError):
            async with asyncio.timeout(5):
                async for _ in self.socket:
                    pass
        assert self.socket.close_code is not None
        return self.socket.close_code


@pytest.fixture
async def peer(library: Library) -> AsyncIterator[Peer]:
    async with connect(library.ws, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
        yield Peer(socket)


@pytest.fixture
async def connected(peer: Peer) -> Peer:
    await peer.send(INIT)
    assert (await peer.receive())["type"] == "connection_ack"
    return peer


async def test_events_are_followed_by_complete(connected: Peer) -> None:
    await connected.subscribe("subscription { count(to: 2) }")

    messages = [await connected.receive() for _ in range(3)]
    assert [message["payload"]["data"]["count"] for message in messages[:2]] == [1, 2]
    assert messages[2] == {"type": "complete", "id": "1"}


async def test_id_can_be_reused_after_complete(connected: Peer) -> None:
    for _ in range(2):
        await connected.subscribe("{ hello }")
        assert (await connected.receive())["payload"]["data"] == {"hello": "world"}
        assert (await connected.receive())["type"] == "complete"


async def test_id_can_be_reused_after_error_or_unsubscribe(connected: Peer) -> None:
    await connected.subscribe("{")
    assert (await connected.receive())["type"] == "error"
    await connected.subscribe("subscription { endless }")
    assert (await connected.receive())["type"] == "next"
    await connected.send({"type": "complete", "id": "1"})
    await connected.subscribe("{ hello }")

    assert (await connected.receive())["payload"]["data"] == {"hello": "world"}


async def test_completing_unknown_id_is_harmless(connected: Peer) -> None:
    await connected.send({"type": "complete", "id": "unknown"})
    await connected.subscribe("{ hello }")

    assert (await connected.receive())["type"] == "next"


async def test_optional_payloads_can_be_null(peer: Peer) -> None:
    for message in ({"type": "ping", "payload": None}, {"type": "pong", "payload": None}):
        await peer.send(message)
    assert (await peer.receive())["type"] == "pong"
    await peer.send({"type": "connection_init", "payload": None})
    assert (await peer.receive())["type"] == "connection_ack"
    nothing = {"operationName": None, "variables": None, "extensions": None}
    await peer.subscribe("{ hello }", **nothing)

    assert (await peer.receive())["payload"]["data"] == {"hello": "world"}


async def test_ping_before_init_is_answered(peer: Peer) -> None:
    await peer.send({"type": "ping", "payload": {"any": "thing"}})
    assert (await peer.receive())["type"] == "pong"
    await peer.send({"type": "pong"})
    await peer.send(INIT)

    assert (await peer.receive())["type"] == "connection_ack"


@pytest.mark.parametrize("query", ["{", "subscription { nothing }", "query A { hello } query B { hello }"])
async def test_request_error_ends_operation_but_not_socket(connected: Peer, query: str) -> None:
    await connected.subscribe(query)

    message = await connected.receive()
    assert (message["type"], message["id"]) == ("error", "1")
    assert message["payload"][0]["extensions"]["code"]
    await connected.subscribe("{ hello }")
    assert (await connected.receive())["type"] == "next"


async def test_refused_subscription_is_an_error(connected: Peer) -> None:
    await connected.subscribe("subscription { denied }")

    message = await connected.receive()
    assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "FORBIDDEN")


@pytest.mark.parametrize(
    "message",
    [
        "nonsense",
        "[]",
        "1",
        "null",
        b"bytes",
        {"no": "type"},
        {"type": 1},
        {"type": "unknown"},
        {"type": "ping", "payload": 1},
        {"type": "complete"},
        {"type": "subscribe", "id": 1, "payload": {"query": "{ hello }"}},
        {"type": "subscribe", "id": None, "payload": {"query": "{ hello }"}},
        {"type": "subscribe", "payload": {"query": "{ hello }"}},
        {"type": "complete", "id": 1},
        {"type": "connection_init", "payload": "x"},
        {"type": "subscribe", "id": "1", "payload": None},
        {"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "extensions": 1}},
        {"type": "subscribe", "id": "", "payload": {"query": "{ hello }"}},
        {"type": "subscribe", "id": "1"},
        {"type": "subscribe", "id": "1", "payload": {"query": 1}},
        {"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "variables": "x"}},
        {"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "operationName": 1}},
    ],
)
async def test_malformed_message_closes_with_4400(connected: Peer, message: Any) -> None:
    await connected.send(message)

    assert await connected.closed() == 4400


async def test_subscribe_before_init_closes_with_4401(library: Library, peer: Peer) -> None:
    await peer.subscribe("{ hello }")
    assert await peer.closed() == 4401
    async with connect(library.ws) as plain:
        assert await Peer(plain).closed() == 4406


async def test_second_init_and_duplicate_id_close_socket(library: Library, connected: Peer) -> None:
    await connected.send(INIT)
    assert await connected.closed() == 4429
    async with connect(library.ws, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
        other = Peer(socket)
        await other.send(INIT)
        await other.receive()
        await other.subscribe("subscription { endless }")
        await other.subscribe("subscription { endless }")
        assert await other.closed() == 4409


@pytest.mark.parametrize("init", [{"type": "connection_init"}, {"type": "connection_init", "payload": None}])
async def test_anonymous_caller_is_acknowledged_and_refused_by_field(peer: Peer, init: Any) -> None:
    await peer.send(init)
    assert (await peer.receive())["type"] == "connection_ack"
    await peer.subscribe("subscription { count }")

    assert (await peer.receive())["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_wrong_token_closes_with_4403(peer: Peer) -> None:
    await peer.send({"type": "connection_init", "payload": {"Authorization": "Bearer wrong"}})

    assert await peer.closed() == 4403


async def test_handshake_cookie_signs_in(library: Library) -> None:
    headers = {"cookie": "carrel=reader"}
    async with connect(
        library.ws,
        subprotocols=["graphql-transport-ws"],
        additional_headers=headers,  # type: ignore[list-item]
    ) as socket:
        peer = Peer(socket)
        await peer.send({"type": "connection_init"})
        await peer.receive()
        await peer.subscribe("{ secret }")
        assert (await peer.receive())["payload"]["data"] == {"secret": "the secret"}


async def test_page_of_another_site_gets_no_socket(library: Library) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(library.ws, subprotocols=["graphql-transport-ws"], origin="https://evil.example")  # type: ignore

    assert refused.value.response.status_code == 403


async def test_sign_out_closes_socket_within_two_seconds(library: Library, connected: Peer) -> None:
    await connected.subscribe("subscription { endless }")
    await connected.receive()

    library.revoked.set()

    async with asyncio.timeout(2):
        assert await connected.closed() == 4403


async def test_operations_per_connection_are_limited(connected: Peer) -> None:
    for number in range(3):
        await connected.subscribe("subscription { endless }", id=str(number))
        await connected.receive()
    await connected.subscribe("{ hello }", id="over")

    message = await connected.receive()
    assert (message["type"], message["id"]) == ("error", "over")
    assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    await connected.send({"type": "complete", "id": "0"})
    await connected.subscribe("{ hello }", id="fits")
    assert (await connected.receive())["type"] == "next"


async def test_streams_per_caller_are_limited_across_connections(library: Library) -> None:
    async with (
        connect(library.ws, subprotocols=["graphql-transport-ws"]) as first,  # type: ignore[list-item]
        connect(library.ws, subprotocols=["graphql-transport-ws"]) as second,  # type: ignore[list-item]
    ):
        answers = []
        for peer in (Peer(first), Peer(second)):
            await peer.send(INIT)
            await peer.receive()
            for number in range(3):
                await peer.subscribe("subscription { endless }", id=str(number))
                answers.append((await peer.receive())["type"])

    assert answers == ["next", "next", "next", "next", "error", "error"]


async def test_authentication_failure_closes_without_details(library: Library, peer: Peer) -> None:
    async def broken(_connection: HTTPConnection) -> None:
        raise RuntimeError("the password is swordfish")

    assert library.graphql is not None
    library.graphql.principal_of = broken
    await peer.send(INIT)

    assert await peer.closed() == 1011
    assert "swordfish" not in (peer.socket.close_reason or "")


async def test_sign_out_ends_operations_of_unresponsive_peer(library: Library, connected: Peer) -> None:
    assert library.graphql is not None
    await connected.subscribe("subscription { endless }")
    await connected.receive()

    library.revoked.set()

    async with asyncio.timeout(2):
        while library.graphql.stream_limiter._running:  # noqa: ASYNC110 - nothing is sent when it happens
            await asyncio.sleep(0.01)


class TestPing:
    """The server disconnects peers that do not respond."""

    @pytest.fixture
    def server_options(self) -> ServerOptions:
        return ServerOptions(ping_seconds=0.05, init_seconds=0.3)

    async def test_peer_without_pong_is_disconnected(self, connected: Peer) -> None:
        for _ in range(4):
            assert await connected.receive() == {"type": "ping"}
            await connected.send({"type": "pong"})

        assert await connected.closed() == 4499

    async def test_peer_without_init_is_disconnected(self, peer: Peer) -> None:
        assert await peer.closed() == 4408
