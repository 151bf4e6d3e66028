"""An event is resolved once for all callers who see the same, and for no others."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from models.accounts.roles import RoleHolder
from models.permissions.principal import SERVICE
from models.policies.sessions.sessions import readable
from models.services.accounts import roles
from models.sessions.sessions import Session
from schema.root import schema
from tests.schema.api import Api, Stream
from tests.statements import counting

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PLAIN = "subscription($id: ID!) { sessionUpdated(id: $id) { id state expiresAt } }"
PERSONAL = "subscription($id: ID!) { sessionUpdated(id: $id) { state creator { username } } }"


async def _subscribe(api: Api, stack: AsyncExitStack, query: str, *names: str) -> list[Stream]:
    key = api.id("Session", api.people.session)
    streams = [await stack.enter_async_context(api.follow(name, query, id=key)) for name in names]
    await asyncio.gather(*(stream.value() for stream in streams))
    return streams


async def _change(api: Api, number: int = 1) -> None:
    session = await Session.get(id=api.people.session.id)
    await Session.filter(id=session.id).update(expires_at=session.expires_at + timedelta(seconds=number))
    await api.services.bus.publish([session.topic])


async def test_attributes_are_resolved_once_per_field_access(api: Api) -> None:
    async with AsyncExitStack() as stack:
        streams = await _subscribe(api, stack, PLAIN, *["operator"] * 5, *["guest"] * 5)
        before = schema.event_cache.misses
        await _change(api)
        answers = await asyncio.gather(*(stream.value() for stream in streams))

    assert len({str(answer) for answer in answers}) == 1
    assert schema.event_cache.misses - before == 2


async def test_relations_are_resolved_once_per_caller(api: Api) -> None:
    async with AsyncExitStack() as stack:
        streams = await _subscribe(api, stack, PERSONAL, *["operator"] * 5, *["guest"] * 5)
        before = schema.event_cache.misses
        await _change(api)
        answers = await asyncio.gather(*(stream.value() for stream in streams))

    assert {answer["creator"]["username"] for answer in answers} == {"guest"}
    assert schema.event_cache.misses - before == 2


async def test_event_statements_do_not_grow_with_streams(api: Api) -> None:
    counts = []
    for size in (1, 20):
        async with AsyncExitStack() as stack:
            streams = await _subscribe(api, stack, PLAIN, *["operator"] * size)
            with counting() as counter:
                await _change(api, size)
                await asyncio.gather(*(stream.value() for stream in streams))
            counts.append(len(counter.statements))

    assert counts[1] == counts[0]


async def test_revoked_caller_gets_no_shared_event(api: Api) -> None:
    """Both callers share events until one of them loses its role."""
    async with AsyncExitStack() as stack:
        api.people.users["second"] = api.people.users["admin"]
        await RoleHolder.create(user=api.people.users["second"], role=api.people.roles["operator"])
        await roles.unassign(api.people.roles["researcher"], api.people.users["second"], actor=SERVICE)
        kept, revoked = await _subscribe(api, stack, PLAIN, "operator", "second")

        await RoleHolder.filter(user=api.people.users["second"]).delete()
        assert not await readable(await api.people.principal("second")).exists()
        await _change(api)

        assert (await kept.value())["state"] == "RUNNING"
        ended = await revoked.next()
    assert ended is None or not (ended.get("data") or {}).get("sessionUpdated"), ended


async def test_cost_is_sent_once(api: Api) -> None:
    async with api.follow("operator", PLAIN, id=api.id("Session", api.people.session)) as stream:
        first = await stream.next()
        await _change(api)
        second = await stream.next()

    assert first
    assert first["extensions"]["cost"]["requested"] > 0
    assert second
    assert "extensions" not in second
