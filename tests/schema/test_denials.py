"""Fields refused by `@requires` are recorded in the history, at most once an hour per caller and field."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core.clock import now
from models.accounts.history import ActorKind, HistoryEntry
from models.accounts.roles import Resource
from models.services.sessions import sessions
from models.sessions.sessions import Session
from tests.schema.api import Api

CREATE = 'mutation { workstationCreate(input: {title: "x"}) { workstation { id } } }'
UPDATE = 'mutation($id: ID!) { workstationUpdate(id: $id, input: {title: "New"}) { errors { message } } }'
HISTORY = """query($of: ID, $w: HistoryWhere) {
  history(of: $of, where: $w, first: 100) { nodes { action actor { username } } }
}"""
SEARCH = "query($w: HistoryWhere) { history(where: $w) { nodes { actorKind actor { username } cause detail } } }"


async def _refused() -> list[HistoryEntry]:
    return await HistoryEntry.filter(action="field_refused").order_by("id")


async def test_refused_field_is_recorded_in_history(api: Api) -> None:
    answer = await api.ask("container", "{ sessions { nodes { region { name } } } }")
    assert answer.code == "FORBIDDEN"

    (entry,) = await _refused()
    assert (entry.actor_kind, entry.actor_id) == (ActorKind.SESSION, api.people.users["guest"].id)
    assert (entry.resource, entry.object_id) == (Resource.REGION, 0)
    assert entry.cause == "Session.region requires the permission region:view, which you do not hold."
    assert entry.detail == {"field": "Session.region", "permission": "region:view"}


async def test_anonymous_refusal_is_recorded_with_address(api: Api) -> None:
    assert (await api.ask(None, "{ users { totalCount } }")).code == "UNAUTHENTICATED"

    (entry,) = await _refused()
    assert (entry.actor_kind, entry.actor_id) == (ActorKind.ANONYMOUS, None)
    assert entry.detail == {"field": "Query.users", "permission": "user:view", "address": "127.0.0.1"}
    assert "sign in first" in entry.cause


async def test_refused_mutations_and_streams_are_recorded(api: Api) -> None:
    await api.ask("stranger", CREATE)
    async with api.follow("container", "subscription { mySessions { region { id } } }") as stream:
        await stream.next()
    session = await Session.get(id=api.people.session.id)
    follow = "subscription($id: ID!) { sessionUpdated(id: $id) { creator { roles { name } } } }"
    async with api.follow("container", follow, id=api.id("Session", session)) as stream:
        await stream.next()
        await sessions.request_stop(session, actor=await api.people.actor("guest"))
        await stream.next()
    async with api.follow("container", "subscription($id: ID!) { imageUpdated(id: $id) { id } }", id="x") as stream:
        await stream.next()

    found = [entry.detail["field"] for entry in await _refused()]
    assert found == ["Mutation.workstationCreate", "Session.region", "User.roles"]


async def test_refused_subscription_is_recorded(api: Api) -> None:
    made = await api.ask("guest", 'mutation { tokenCreate(input: {name: "t", scopes: ["user:view:own"]}) { text } }')
    api.tokens["narrow"] = made.data["text"]
    async with api.follow("narrow", "subscription { mySessions { id } }") as stream:
        result = await stream.next()
    assert result is not None
    assert result["errors"][0]["extensions"]["code"] == "FORBIDDEN"

    assert [entry.detail["field"] for entry in await _refused()] == ["Subscription.mySessions"]


async def test_repeated_refusals_are_one_entry_per_hour(api: Api) -> None:
    asked = [
        ("container", "{ sessions { nodes { region { id } } } }"),
        ("stranger", CREATE),
        (None, "{ users { nodes { id } } }"),
    ]

    await asyncio.gather(*(api.ask(*asked[number % 3]) for number in range(60)))
    assert len(await _refused()) == 3

    await HistoryEntry.filter(action="field_refused").update(at=now() - timedelta(hours=1, seconds=1), once=None)
    await api.ask(*asked[0])
    assert len(await _refused()) == 4


async def test_refusals_are_filtered_by_actor_and_cause(api: Api) -> None:
    await api.ask("stranger", CREATE)
    await api.ask(None, "{ users { totalCount } }")
    of_nobody: dict[str, Any] = {"actorKind": {"eq": "ANONYMOUS"}, "resource": {"eq": "USER"}}
    of_stranger = {"action": {"eq": "field_refused"}, "actor": {"eq": api.id("User", api.people.users["stranger"])}}
    of_the_field = {"cause": {"contains": "Mutation.workstationCreate"}}

    nobody = (await api.ask("operator", SEARCH, w=of_nobody)).data["nodes"]
    stranger = (await api.ask("operator", SEARCH, w=of_stranger)).data["nodes"]
    by_field = (await api.ask("operator", SEARCH, w=of_the_field)).data["nodes"]

    assert [(entry["actor"], entry["detail"]["field"]) for entry in nobody] == [(None, "Query.users")]
    assert [entry["actor"] for entry in stranger] == [{"username": "stranger"}]
    assert by_field == stranger
    assert (await api.ask("stranger", SEARCH, w=of_the_field)).data["nodes"] == stranger
    assert (await api.ask("guest", SEARCH, w=of_the_field)).data["nodes"] == []


@pytest.mark.parametrize("name", ["owner", None])
async def test_allowed_or_invalid_requests_are_not_recorded(api: Api, name: str | None) -> None:
    await api.ask(name, "{ viewer { kind } nothing }")
    await api.ask(name, "{ viewer { kind } }")
    await api.ask("owner", "{ workstations { nodes { title } } }")

    assert await _refused() == []


async def test_refused_metrics_request_is_recorded(api: Api) -> None:
    assert (await api.http.get("/metrics", headers=await api.headers("owner"))).status_code == 403

    (entry,) = await _refused()
    assert (entry.actor_id, entry.resource) == (api.people.users["owner"].id, Resource.HISTORY)
    assert entry.detail["field"] == "/metrics"


async def test_filter_does_not_reveal_hidden_actor(api: Api) -> None:
    await api.ask("editor", UPDATE, id=api.id("Workstation", api.people.workstation))
    of = api.id("Workstation", api.people.workstation)
    visible = (await api.ask("owner", HISTORY, of=of)).data["nodes"]
    assert {"action": "update", "actor": None} in visible

    for where in (
        {"eq": api.id("User", api.people.users["editor"])},
        {"oneOf": [api.id("User", api.people.users["editor"])]},
    ):
        assert (await api.ask("owner", HISTORY, of=of, w={"actor": where})).data["nodes"] == []
    own = {"actor": {"eq": api.id("User", api.people.users["owner"])}}
    assert (await api.ask("owner", HISTORY, of=of, w=own)).data["nodes"] != []
    assert len((await api.ask("owner", HISTORY, of=of, w={"actor": {}})).data["nodes"]) == len(visible)
    editors = {"actor": {"eq": api.id("User", api.people.users["editor"])}}
    assert (await api.ask("operator", HISTORY, of=of, w=editors)).data["nodes"] != []


async def test_not_matches_entries_without_a_value(api: Api) -> None:
    await api.ask("stranger", CREATE)
    stranger = {"actor": {"eq": api.id("User", api.people.users["stranger"])}}
    query = "query($w: HistoryWhere) { history(where: $w) { totalCount } }"

    whole, chosen, others = [
        (await api.ask("operator", query, w=where)).data["totalCount"] for where in ({}, stranger, {"NOT": stranger})
    ]

    assert chosen > 0
    assert whole == chosen + others
