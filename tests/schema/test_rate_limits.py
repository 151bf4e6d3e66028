"""Rate limits at the running API: told always, and refused with 429 over each transport."""

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


async def test_every_answer_tells_the_cost_and_what_is_left(quick: Served) -> None:
    answer = await quick.ask("ada", "{ workstations(first: 50) { nodes { title } } }")

    cost = answer["extensions"]["cost"]
    assert (cost["limit"], cost["throttle"]["limit"]) == (10_000, 500)
    assert cost["throttle"]["remaining"] == pytest.approx(500 - cost["requested"], abs=5)
    assert cost["throttle"]["restoreRate"] == pytest.approx(500 / 60, abs=0.01)
    assert cost["throttle"]["requests"] == {"limit": 3, "remaining": 2, "restoreRate": 0.05}


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json", "text/event-stream"])
async def test_an_empty_bucket_is_429_with_the_time_to_wait(quick: Served, accept: str) -> None:
    await _use_up(quick, "ada")

    async with httpx2.AsyncClient(trust_env=False) as client:
        headers = {**quick.headers("ada"), "accept": accept}
        refused = await client.post(quick.url, json={"query": QUERY}, headers=headers)

    assert refused.status_code == 429
    assert 10 <= int(refused.headers["retry-after"]) <= 21
    assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_an_operation_on_a_websocket_is_refused_and_the_socket_stays(quick: Served) -> None:
    await _use_up(quick, "ada")

    async with connect(quick.ws, subprotocols=["graphql-transport-ws"], proxy=None) as socket:  # type: ignore[list-item]
        await socket.send(json.dumps({"type": "connection_init", "payload": _payload(quick)}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        for number in ("1", "2"):
            await socket.send(json.dumps({"type": "subscribe", "id": number, "payload": {"query": QUERY}}))
            message = json.loads(await socket.recv())
            assert (message["type"], message["id"]) == ("error", number)
            assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"


def _payload(served: Served) -> dict[str, str]:
    return {"Authorization": served.headers("ada")["authorization"]}


async def test_points_run_out_as_well_as_requests(quick: Served) -> None:
    query = "{ workstations(first: 100) { nodes { title images(first: 3) { nodes { id } } } } }"

    answers = [await quick.post("ada", query) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert "500 points a minute" in answers[1].json()["errors"][0]["message"]


async def test_nobodys_limit_is_anothers(quick: Served) -> None:
    await _use_up(quick, "ada")

    assert (await quick.post("eve", QUERY)).status_code == 200
    assert (await quick.post(None, QUERY)).status_code == 200


async def test_what_cannot_be_parsed_counts_as_a_request(quick: Served) -> None:
    for _ in range(3):
        await quick.post("ada", "{")

    assert (await quick.post("ada", "{")).status_code == 429
    assert (await quick.post("ada", QUERY)).status_code == 429


class TestWithoutLimits:
    """The operator said 0."""

    @pytest.fixture
    def changes(self) -> dict[str, object]:
        return {"requests_per_minute": 0}

    async def test_everybody_goes_on(self, quick: Served) -> None:
        answers = [await quick.ask("ada", QUERY) for _ in range(5)]

        assert all(answer["extensions"]["cost"]["throttle"] is None for answer in answers)
