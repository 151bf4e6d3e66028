"""One event of one thing is worked out once for all to whom it is the same, and for nobody else."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from models.accounts.roles import RoleHolder
from models.permissions.actor import SERVICE
from models.policies.sessions.sessions import readable
from models.services.accounts import roles
from models.sessions.sessions import Session
from schema.root import schema
from tests.schema.api import Api, Stream
from tests.statements import counting

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PLAIN = "subscription($id: ID!) { sessionUpdated(id: $id) { id state expiresAt } }"
PERSONAL = "subscription($id: ID!) { sessionUpdated(id: $id) { state creator { username } } }"


async def _following(api: Api, stack: AsyncExitStack, query: str, *names: str) -> list[Stream]:
    key = api.id("Session", api.cast.session)
    streams = [await stack.enter_async_context(api.follow(name, query, id=key)) for name in names]
    await asyncio.gather(*(stream.value() for stream in streams))
    return streams


async def _change(api: Api, number: int = 1) -> None:
    session = await Session.get(id=api.cast.session.id)
    await Session.filter(id=session.id).update(expires_at=session.expires_at + timedelta(seconds=number))
    await api.kernel.bus.publish([session.topic])


async def test_plain_attributes_are_worked_out_once_for_everybody_with_the_same_clearance(api: Api) -> None:
    async with AsyncExitStack() as stack:
        streams = await _following(api, stack, PLAIN, *["operator"] * 5, *["guest"] * 5)
        before = schema.answers.made
        await _change(api)
        answers = await asyncio.gather(*(stream.value() for stream in streams))

    assert len({str(answer) for answer in answers}) == 1
    assert schema.answers.made - before == 2


async def test_relations_are_worked_out_once_for_each_caller(api: Api) -> None:
    async with AsyncExitStack() as stack:
        streams = await _following(api, stack, PERSONAL, *["operator"] * 5, *["guest"] * 5)
        before = schema.answers.made
        await _change(api)
        answers = await asyncio.gather(*(stream.value() for stream in streams))

    assert {answer["creator"]["username"] for answer in answers} == {"guest"}
    assert schema.answers.made - before == 2


async def test_an_event_takes_as_many_statements_for_twenty_streams_as_for_one(api: Api) -> None:
    counts = []
    for size in (1, 20):
        async with AsyncExitStack() as stack:
            streams = await _following(api, stack, PLAIN, *["operator"] * size)
            with counting() as counter:
                await _change(api, size)
                await asyncio.gather(*(stream.value() for stream in streams))
            counts.append(len(counter.statements))

    assert counts[1] == counts[0]


async def test_who_loses_the_right_is_not_served_from_what_others_share(api: Api) -> None:
    """The same answer is made for both while both may see it; then one of them loses its role."""
    async with AsyncExitStack() as stack:
        api.cast.users["second"] = api.cast.users["admin"]
        await RoleHolder.create(user=api.cast.users["second"], role=api.cast.roles["operator"])
        await roles.take(api.cast.roles["researcher"], api.cast.users["second"], actor=SERVICE)
        stays, goes = await _following(api, stack, PLAIN, "operator", "second")

        await RoleHolder.filter(user=api.cast.users["second"]).delete()
        assert not await readable(await api.cast.principal("second")).exists()
        await _change(api)

        assert (await stays.value())["state"] == "RUNNING"
        ended = await goes.next()
    assert ended is None or not (ended.get("data") or {}).get("sessionUpdated"), ended


async def test_the_cost_is_told_once(api: Api) -> None:
    async with api.follow("operator", PLAIN, id=api.id("Session", api.cast.session)) as stream:
        first = await stream.next()
        await _change(api)
        second = await stream.next()

    assert first
    assert first["extensions"]["cost"]["requested"] > 0
    assert second
    assert "extensions" not in second
