"""Many sessions stopped at once, with a result for each."""

from typing import Any

from models.sessions import Session, SessionState
from schema.core.ids import encode
from tests.schema.served import Served
from tests.schema.stages import queued_session, ready_image

STOP = """mutation($ids: [ID!]!, $policy: ErrorPolicy! = IGNORE_FAILED) {
  sessionsStop(ids: $ids, errorPolicy: $policy) {
    results { id session { state } errors { code message } } errors { code path }
  }
}"""


async def _sessions(served: Served) -> list[str]:
    """Queue two sessions of ada's and one of eve's."""
    rows = [await queued_session(served, "ada", await ready_image(served, "ada", title)) for title in ("One", "Two")]
    rows.append(await queued_session(served, "eve", await ready_image(served, "ada", "Three")))
    return [encode("Session", row.id) for row in rows]


async def _stop(served: Served, name: str, ids: list[str], policy: str = "IGNORE_FAILED") -> dict[str, Any]:
    return dict((await served.ask(name, STOP, ids=ids, policy=policy))["data"]["sessionsStop"])


async def _stopped() -> int:
    return await Session.filter(state=SessionState.STOPPED).count()


async def test_each_id_has_a_result_in_the_order_of_the_ids(served: Served) -> None:
    ids = await _sessions(served)

    answer = await _stop(served, "ada", [ids[1], ids[2], "nonsense", ids[0], ids[0]])

    assert [result["id"] for result in answer["results"]] == [ids[1], ids[2], "nonsense", ids[0]]
    assert [[error["code"] for error in result["errors"]] for result in answer["results"]] == [
        [],
        ["NOT_FOUND"],
        ["NOT_FOUND"],
        [],
    ]
    assert answer["results"][0]["session"] == {"state": "STOPPED"}
    assert await _stopped() == 2


async def test_all_or_none_stops_none_when_one_cannot_be(served: Served) -> None:
    ids = await _sessions(served)

    answer = await _stop(served, "ada", ids, "REJECT_EVERYTHING")

    assert [bool(result["errors"]) for result in answer["results"]] == [False, False, True]
    assert [result["session"] for result in answer["results"][:2]] == [{"state": "QUEUED"}] * 2
    assert await _stopped() == 0


async def test_an_operator_stops_everybodys(served: Served) -> None:
    ids = await _sessions(served)

    answer = await _stop(served, "olive", ids, "REJECT_EVERYTHING")

    assert all(result["session"] == {"state": "STOPPED"} for result in answer["results"])
    assert await _stopped() == 3


async def test_none_and_too_many_are_refused(quick: Served) -> None:
    for ids in ([], [encode("Session", number) for number in range(1, 102)]):
        answer = await _stop(quick, "ada", ids)
        assert answer["errors"] == [{"code": "BAD_USER_INPUT", "path": ["ids"]}]
