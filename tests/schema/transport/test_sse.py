"""Subscriptions as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx2 as httpx
import pytest

from schema.transport.server import ServerOptions
from tests.schema.library_server import Library

HEADERS = {"accept": "text/event-stream", "authorization": "Bearer reader"}


@pytest.fixture
async def client(library: Library) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=library.url, timeout=10) as client:
        yield client


def _events(text: str) -> list[Any]:
    blocks = [dict(line.split(":", 1) for line in block.splitlines()) for block in text.split("\r\n\r\n") if block]
    return [(block["event"].strip(), json.loads(block["data"]) if block["data"].strip() else None) for block in blocks]


async def test_events_are_followed_by_complete(client: httpx.AsyncClient) -> None:
    response = await client.post("", json={"query": "subscription { count(to: 2) }"}, headers=HEADERS)

    assert response.headers["content-type"].startswith("text/event-stream")
    events = _events(response.text)
    assert [data["data"]["count"] for kind, data in events if kind == "next"] == [1, 2]
    assert events[-1] == ("complete", None)


async def test_refusal_is_event_with_errors_only(client: httpx.AsyncClient) -> None:
    response = await client.post("", json={"query": "subscription { denied }"}, headers=HEADERS)

    (kind, data), end = _events(response.text)
    assert (kind, end[0]) == ("next", "complete")
    assert data["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert "data" not in data


async def test_query_can_be_streamed(client: httpx.AsyncClient) -> None:
    response = await client.post("", json={"query": "{ hello }"}, headers=HEADERS)

    assert _events(response.text)[0][1]["data"] == {"hello": "world"}


async def test_stream_ends_at_sign_out(client: httpx.AsyncClient, library: Library) -> None:
    async with client.stream("POST", "", json={"query": "subscription { endless }"}, headers=HEADERS) as response:
        texts = response.aiter_text()
        assert "next" in await anext(texts)
        library.revoked.set()
        async with asyncio.timeout(2):
            assert [text async for text in texts] == []


async def test_streams_per_caller_are_limited_and_released(client: httpx.AsyncClient, library: Library) -> None:
    assert library.graphql is not None
    body = {"query": "subscription { endless }"}
    async with AsyncExitStack() as stack:
        for _ in range(4):
            response = await stack.enter_async_context(client.stream("POST", "", json=body, headers=HEADERS))
            assert response.status_code == 200
        refused = await client.post("", json=body, headers=HEADERS)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")

    async with asyncio.timeout(5):
        while library.graphql.stream_limiter._running:  # noqa: ASYNC110 - the server notices later
            await asyncio.sleep(0.01)


class TestHeartbeat:
    """An idle stream sends comments, so that proxies keep it open."""

    @pytest.fixture
    def server_options(self) -> ServerOptions:
        return ServerOptions(heartbeat_seconds=0.05)

    async def test_idle_stream_sends_heartbeats(self, client: httpx.AsyncClient) -> None:
        async with client.stream("POST", "", json={"query": "subscription { endless }"}, headers=HEADERS) as response:
            lines = (line async for line in response.aiter_lines() if line.startswith(":"))
            async with asyncio.timeout(5):
                beats = [await anext(lines) for _ in range(3)]

        assert beats == [": ping"] * 3
