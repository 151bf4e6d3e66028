"""Subscriptions as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx2 as httpx
import pytest

from schema.transport.server import Surface
from tests.schema.execution.conftest import Library

HEADERS = {"accept": "text/event-stream", "authorization": "Bearer reader"}


@pytest.fixture
async def client(library: Library) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=library.url, timeout=10) as client:
        yield client


def _events(text: str) -> list[Any]:
    blocks = [dict(line.split(":", 1) for line in block.splitlines()) for block in text.split("\r\n\r\n") if block]
    return [(block["event"].strip(), json.loads(block["data"]) if block["data"].strip() else None) for block in blocks]


async def test_each_event_and_then_complete(client: httpx.AsyncClient) -> None:
    response = await client.post("", json={"query": "subscription { count(to: 2) }"}, headers=HEADERS)

    assert response.headers["content-type"].startswith("text/event-stream")
    events = _events(response.text)
    assert [data["data"]["count"] for kind, data in events if kind == "next"] == [1, 2]
    assert events[-1] == ("complete", None)


async def test_a_refusal_is_an_event_with_errors_and_without_data(client: httpx.AsyncClient) -> None:
    response = await client.post("", json={"query": "subscription { denied }"}, headers=HEADERS)

    (kind, data), end = _events(response.text)
    assert (kind, end[0]) == ("next", "complete")
    assert data["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert "data" not in data


async def test_a_query_may_be_asked_as_a_stream(client: httpx.AsyncClient) -> None:
    response = await client.post("", json={"query": "{ hello }"}, headers=HEADERS)

    assert _events(response.text)[0][1]["data"] == {"hello": "world"}


async def test_a_stream_ends_when_the_caller_signs_out(client: httpx.AsyncClient, library: Library) -> None:
    async with client.stream("POST", "", json={"query": "subscription { endless }"}, headers=HEADERS) as response:
        texts = response.aiter_text()
        assert "next" in await anext(texts)
        library.revoked.set()
        async with asyncio.timeout(2):
            assert [text async for text in texts] == []


async def test_streams_of_one_caller_are_limited_and_free_when_left(
    client: httpx.AsyncClient, library: Library
) -> None:
    assert library.graphql is not None
    body = {"query": "subscription { endless }"}
    async with AsyncExitStack() as stack:
        for _ in range(4):
            response = await stack.enter_async_context(client.stream("POST", "", json=body, headers=HEADERS))
            assert response.status_code == 200
        refused = await client.post("", json=body, headers=HEADERS)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")

    async with asyncio.timeout(5):
        while library.graphql.turnstile._running:  # noqa: ASYNC110 - the server notices later
            await asyncio.sleep(0.01)


class TestHeartbeat:
    """A stream in which nothing happens shows that it lives."""

    @pytest.fixture
    def surface(self) -> Surface:
        return Surface(heartbeat_seconds=0.05)

    async def test_a_silent_stream_beats(self, client: httpx.AsyncClient) -> None:
        async with client.stream("POST", "", json={"query": "subscription { endless }"}, headers=HEADERS) as response:
            lines = (line async for line in response.aiter_lines() if line.startswith(":"))
            async with asyncio.timeout(5):
                beats = [await anext(lines) for _ in range(3)]

        assert beats == [": ping"] * 3
