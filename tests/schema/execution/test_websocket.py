"""graphql-transport-ws, with a bare socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from schema.transport.server import Surface
from tests.schema.execution.conftest import Library

INIT = {"type": "connection_init", "payload": {"Authorization": "Bearer reader"}}


class Peer:
    """A client that speaks in JSON."""

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
async def known(peer: Peer) -> Peer:
    await peer.send(INIT)
    assert (await peer.receive())["type"] == "connection_ack"
    return peer


async def test_events_and_then_complete(known: Peer) -> None:
    await known.subscribe("subscription { count(to: 2) }")

    messages = [await known.receive() for _ in range(3)]
    assert [message["payload"]["data"]["count"] for message in messages[:2]] == [1, 2]
    assert messages[2] == {"type": "complete", "id": "1"}


async def test_an_id_is_free_again_after_complete(known: Peer) -> None:
    for _ in range(2):
        await known.subscribe("{ hello }")
        assert (await known.receive())["payload"]["data"] == {"hello": "world"}
        assert (await known.receive())["type"] == "complete"


async def test_an_id_is_free_again_after_an_error_and_after_the_peer_completed_it(known: Peer) -> None:
    await known.subscribe("{")
    assert (await known.receive())["type"] == "error"
    await known.subscribe("subscription { endless }")
    assert (await known.receive())["type"] == "next"
    await known.send({"type": "complete", "id": "1"})
    await known.subscribe("{ hello }")

    assert (await known.receive())["payload"]["data"] == {"hello": "world"}


async def test_completing_what_is_not_there_is_harmless(known: Peer) -> None:
    await known.send({"type": "complete", "id": "never heard of"})
    await known.subscribe("{ hello }")

    assert (await known.receive())["type"] == "next"


async def test_payloads_may_be_null_wherever_they_may_be_left_out(peer: Peer) -> None:
    for message in ({"type": "ping", "payload": None}, {"type": "pong", "payload": None}):
        await peer.send(message)
    assert (await peer.receive())["type"] == "pong"
    await peer.send({"type": "connection_init", "payload": None})
    assert (await peer.receive())["type"] == "connection_ack"
    nothing = {"operationName": None, "variables": None, "extensions": None}
    await peer.subscribe("{ hello }", **nothing)

    assert (await peer.receive())["payload"]["data"] == {"hello": "world"}


async def test_a_ping_is_answered_before_the_greeting_and_a_pong_that_nobody_asked_for_is_ignored(peer: Peer) -> None:
    await peer.send({"type": "ping", "payload": {"any": "thing"}})
    assert (await peer.receive())["type"] == "pong"
    await peer.send({"type": "pong"})
    await peer.send(INIT)

    assert (await peer.receive())["type"] == "connection_ack"


@pytest.mark.parametrize("query", ["{", "subscription { nothing }", "query A { hello } query B { hello }"])
async def test_a_request_error_ends_the_operation_and_not_the_socket(known: Peer, query: str) -> None:
    await known.subscribe(query)

    message = await known.receive()
    assert (message["type"], message["id"]) == ("error", "1")
    assert message["payload"][0]["extensions"]["code"]
    await known.subscribe("{ hello }")
    assert (await known.receive())["type"] == "next"


async def test_a_refused_subscription_is_an_error(known: Peer) -> None:
    await known.subscribe("subscription { denied }")

    message = await known.receive()
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
        {"type": "unheard"},
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
async def test_a_message_of_another_form_closes_with_4400(known: Peer, message: Any) -> None:
    await known.send(message)

    assert await known.closed() == 4400


async def test_the_order_of_things_is_kept_by_close_codes(library: Library, peer: Peer) -> None:
    await peer.subscribe("{ hello }")
    assert await peer.closed() == 4401
    async with connect(library.ws) as plain:
        assert await Peer(plain).closed() == 4406


async def test_a_second_init_and_a_running_id_close(library: Library, known: Peer) -> None:
    await known.send(INIT)
    assert await known.closed() == 4429
    async with connect(library.ws, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
        other = Peer(socket)
        await other.send(INIT)
        await other.receive()
        await other.subscribe("subscription { endless }")
        await other.subscribe("subscription { endless }")
        assert await other.closed() == 4409


@pytest.mark.parametrize("init", [{"type": "connection_init"}, {"type": "connection_init", "payload": None}])
async def test_a_caller_without_a_name_is_acknowledged_and_refused_by_field(peer: Peer, init: Any) -> None:
    await peer.send(init)
    assert (await peer.receive())["type"] == "connection_ack"
    await peer.subscribe("subscription { count }")

    assert (await peer.receive())["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_wrong_token_closes_with_4403(peer: Peer) -> None:
    await peer.send({"type": "connection_init", "payload": {"Authorization": "Bearer wrong"}})

    assert await peer.closed() == 4403


async def test_the_cookie_of_the_handshake_signs_in(library: Library) -> None:
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


async def test_a_page_of_another_site_gets_no_socket(library: Library) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(library.ws, subprotocols=["graphql-transport-ws"], origin="https://evil.example")  # type: ignore

    assert refused.value.response.status_code == 403


async def test_signing_out_closes_the_socket_within_two_seconds(library: Library, known: Peer) -> None:
    await known.subscribe("subscription { endless }")
    await known.receive()

    library.revoked.set()

    async with asyncio.timeout(2):
        assert await known.closed() == 4403


async def test_operations_on_one_connection_are_limited(known: Peer) -> None:
    for number in range(3):
        await known.subscribe("subscription { endless }", id=str(number))
        await known.receive()
    await known.subscribe("{ hello }", id="over")

    message = await known.receive()
    assert (message["type"], message["id"]) == ("error", "over")
    assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    await known.send({"type": "complete", "id": "0"})
    await known.subscribe("{ hello }", id="fits")
    assert (await known.receive())["type"] == "next"


async def test_streams_of_one_caller_are_limited_over_all_connections(library: Library) -> None:
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


async def test_an_accident_in_telling_who_is_calling_closes_and_tells_nothing(library: Library, peer: Peer) -> None:
    async def broken(_connection: HTTPConnection) -> None:
        raise RuntimeError("the password is swordfish")

    assert library.graphql is not None
    library.graphql.principal_of = broken
    await peer.send(INIT)

    assert await peer.closed() == 1011
    assert "swordfish" not in (peer.socket.close_reason or "")


async def test_signing_out_ends_operations_though_the_peer_stays(library: Library, known: Peer) -> None:
    assert library.graphql is not None
    await known.subscribe("subscription { endless }")
    await known.receive()

    library.revoked.set()

    async with asyncio.timeout(2):
        while library.graphql.turnstile._running:  # noqa: ASYNC110 - nothing is sent when it happens
            await asyncio.sleep(0.01)


class TestPing:
    """The server asks whether the peer is alive."""

    @pytest.fixture
    def surface(self) -> Surface:
        return Surface(ping_seconds=0.05, init_seconds=0.3)

    async def test_a_peer_that_answers_stays_and_one_that_does_not_is_left(self, known: Peer) -> None:
        for _ in range(4):
            assert await known.receive() == {"type": "ping"}
            await known.send({"type": "pong"})

        assert await known.closed() == 4499

    async def test_a_peer_that_never_begins_is_left(self, peer: Peer) -> None:
        assert await peer.closed() == 4408
