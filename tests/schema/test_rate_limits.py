"""Rate limits of the served API: reported in each response, and refused with 429 on each transport."""

import json

import httpx2
import pytest
from websockets.asyncio.client import connect

from tests.schema.served import Served

QUERY = "{ viewer { kind } }"


@pytest.fixture
def changes() -> dict[str, object]:
    return {"requests_per_minute": 3, "points_per_minute": 500}


async def _use_up(served: Served, name: str | None) -> None:
    for _ in range(3):
        assert (await served.post(name, QUERY)).status_code == 200


async def test_response_shows_cost_and_remaining_budget(sqlite_api: Served) -> None:
    answer = await sqlite_api.ask("ada", "{ workstations(first: 50) { nodes { title } } }")

    cost = answer["extensions"]["cost"]
    assert (cost["limit"], cost["throttle"]["limit"]) == (10_000, 500)
    assert cost["throttle"]["remaining"] == pytest.approx(500 - cost["requested"], abs=5)
    assert cost["throttle"]["restoreRate"] == pytest.approx(500 / 60, abs=0.01)
    assert cost["throttle"]["requests"] == {"limit": 3, "remaining": 2, "restoreRate": 0.05}


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json", "text/event-stream"])
async def test_exhausted_limit_is_429_with_retry_after(sqlite_api: Served, accept: str) -> None:
    await _use_up(sqlite_api, "ada")

    async with httpx2.AsyncClient(trust_env=False) as client:
        headers = {**sqlite_api.headers("ada"), "accept": accept}
        refused = await client.post(sqlite_api.url, json={"query": QUERY}, headers=headers)

    assert refused.status_code == 429
    assert 10 <= int(refused.headers["retry-after"]) <= 21
    assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_rate_limited_websocket_stays_open(sqlite_api: Served) -> None:
    await _use_up(sqlite_api, "ada")

    async with connect(sqlite_api.ws, subprotocols=["graphql-transport-ws"], proxy=None) as socket:  # type: ignore[list-item]
        await socket.send(json.dumps({"type": "connection_init", "payload": _payload(sqlite_api)}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        for number in ("1", "2"):
            await socket.send(json.dumps({"type": "subscribe", "id": number, "payload": {"query": QUERY}}))
            message = json.loads(await socket.recv())
            assert (message["type"], message["id"]) == ("error", number)
            assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"


def _payload(served: Served) -> dict[str, str]:
    return {"Authorization": served.headers("ada")["authorization"]}


async def test_points_are_limited_too(sqlite_api: Served) -> None:
    query = "{ workstations(first: 100) { nodes { title images(first: 3) { nodes { id } } } } }"

    answers = [await sqlite_api.post("ada", query) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert "500 points a minute" in answers[1].json()["errors"][0]["message"]


async def test_limits_are_separate_per_caller(sqlite_api: Served) -> None:
    await _use_up(sqlite_api, "ada")

    assert (await sqlite_api.post("eve", QUERY)).status_code == 200
    assert (await sqlite_api.post(None, QUERY)).status_code == 200


async def test_unparsable_request_counts_as_request(sqlite_api: Served) -> None:
    for _ in range(3):
        await sqlite_api.post("ada", "{")

    assert (await sqlite_api.post("ada", "{")).status_code == 429
    assert (await sqlite_api.post("ada", QUERY)).status_code == 429


class TestWithoutLimits:
    """The settings disable the limits."""

    @pytest.fixture
    def changes(self) -> dict[str, object]:
        return {"requests_per_minute": 0}

    async def test_disabled_limits_refuse_nothing(self, sqlite_api: Served) -> None:
        answers = [await sqlite_api.ask("ada", QUERY) for _ in range(5)]

        assert all(answer["extensions"]["cost"]["throttle"] is None for answer in answers)
