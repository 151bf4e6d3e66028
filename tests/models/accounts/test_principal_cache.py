"""Principals are cached for a second, and permission changes invalidate them at once in every process."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from core.clock import now
from core.errors import Unauthenticated
from core.messaging import outbox
from core.messaging.dispatcher import Dispatcher
from core.messaging.event_bus import EventBus
from core.queue import Queue
from core.redis.client import close_redis, open_redis
from models.accounts.organizations import MemberRole
from models.accounts.roles import ObjectRole, PermissionVerb, Resource, Rule, Scope
from models.accounts.tokens import Token, TokenKind
from models.accounts.users import User
from models.permissions.principal import SERVICE, Principal
from models.services.accounts import grants, organizations, roles, tokens
from models.services.accounts.authentication import load_principals
from models.services.accounts.principal_cache import PrincipalCache
from models.services.sessions import workstations
from models.services.sessions.session_access import SessionAccess
from tests.people import People
from tests.statements import counting
from tests.waiting import eventually


@pytest.fixture
async def principals(people: People, redis: Redis) -> AsyncIterator[PrincipalCache]:
    """The cache of this process, which handles its own commits at once."""
    bus = EventBus(redis)
    await bus.start()
    outbox.set_sender(Dispatcher(Queue(redis), bus))
    yield PrincipalCache(bus)
    outbox.set_sender(None)
    await bus.stop()


@pytest.fixture
async def other_process(principals: PrincipalCache, redis_address: str) -> AsyncIterator[PrincipalCache]:
    """The cache of another process: another client of the same Redis."""
    client = open_redis(redis_address)
    bus = EventBus(client)
    await bus.start()
    yield PrincipalCache(bus)
    await bus.stop()
    await close_redis(client)


async def _refused(principals: PrincipalCache, text: str) -> bool:
    try:
        await principals.from_bearer_token(text)
    except Unauthenticated:
        return True
    return False


async def test_principal_is_cached_for_a_second(people: People, principals: PrincipalCache) -> None:
    text = await people.token("owner")
    first = await principals.from_bearer_token(text)
    with counting() as counter:
        again = await principals.from_bearer_token(text)

    assert again == first
    assert counter.statements == []


async def test_revocation_invalidates_the_cache_at_once(people: People, principals: PrincipalCache) -> None:
    token, minted = await tokens.mint(
        people.users["owner"].id, TokenKind.API, actor=SERVICE, lifetime=timedelta(hours=1)
    )
    await principals.from_bearer_token(minted.text)

    await tokens.revoke(token, actor=SERVICE)

    assert await _refused(principals, minted.text)


async def _unassign_role(people: People) -> None:
    await roles.unassign(people.roles["operator"], people.users["operator"], actor=SERVICE)


async def _assign_rule(people: People) -> None:
    await roles.unassign(people.roles["operator"], people.users["operator"], actor=SERVICE)
    await roles.assign_rule(Rule.parse("session:view:own"), people.users["operator"], actor=SERVICE)


async def _join_organization(people: People) -> None:
    await organizations.add_member(people.lab, people.users["operator"], MemberRole.MEMBER, actor=SERVICE)


CHANGES = [_unassign_role, _assign_rule, _join_organization]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
async def test_permission_change_applies_to_next_request(
    people: People, principals: PrincipalCache, change: Callable[[People], Awaitable[None]]
) -> None:
    text = await people.token("operator")
    before = await principals.from_bearer_token(text)

    await change(people)

    assert await principals.from_bearer_token(text) != before
    assert await principals.from_bearer_token(text) == await _now(text)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
async def test_permission_change_reaches_other_processes(
    people: People, other_process: PrincipalCache, change: Callable[[People], Awaitable[None]]
) -> None:
    text = await people.token("operator")
    before = await other_process.from_bearer_token(text)

    await change(people)

    async def changed() -> bool:
        return await other_process.from_bearer_token(text) != before

    assert await eventually(changed, within=0.8)


async def _now(text: str) -> Principal:
    return await PrincipalCache(EventBus(open_redis("memory://"))).from_bearer_token(text)


async def test_organization_grant_applies_to_next_request(people: People, principals: PrincipalCache) -> None:
    await roles.unassign(people.roles["researcher"], people.users["member"], actor=SERVICE)
    text = await people.token("member")
    edits = Rule(Resource.WORKSTATION, PermissionVerb.EDIT, Scope.OWN)
    assert edits not in (await principals.from_bearer_token(text)).rules

    await grants.grant(people.workstation, ObjectRole.WORKSTATION_EDITOR, organization_id=people.lab.id, actor=SERVICE)

    assert edits in (await principals.from_bearer_token(text)).rules


async def test_cache_expires_without_redis(people: People) -> None:
    bus = EventBus(open_redis("redis://127.0.0.1:1/0"))
    principals, text = PrincipalCache(bus), await people.token("owner")
    await principals.from_bearer_token(text)

    await Token.filter(user_id=people.users["owner"].id).update(revoked_at=now())
    assert not await _refused(principals, text)

    async def refused() -> bool:
        return await _refused(principals, text)

    assert await eventually(refused, within=1.5)


async def test_cached_token_ends_at_its_expiry(people: People, principals: PrincipalCache) -> None:
    _, minted = await tokens.mint(
        people.users["owner"].id, TokenKind.API, actor=SERVICE, lifetime=timedelta(milliseconds=300)
    )
    await principals.from_bearer_token(minted.text)

    async def refused() -> bool:
        return await _refused(principals, minted.text)

    assert await eventually(refused, within=0.7)


async def test_unknown_token_is_refused(people: People, principals: PrincipalCache) -> None:
    text = await people.token("owner")
    assert await _refused(principals, text[:-1] + "_")
    assert await _refused(principals, "no token at all")


async def test_only_browser_cookie_is_a_browser_credential(people: People, principals: PrincipalCache) -> None:
    cookie, api = await people.token("owner", TokenKind.BROWSER), await people.token("owner")

    found = await principals.from_browser_cookie(cookie)

    assert found
    assert found.user_id == people.users["owner"].id
    assert await principals.from_browser_cookie(api) is None
    assert await principals.from_browser_cookie("nonsense") is None


async def test_entry_cookie_is_not_a_bearer_token(people: People, principals: PrincipalCache, redis: Redis) -> None:
    access = SessionAccess(redis, EventBus(redis))
    ticket = await access.mint_ticket(people.users["guest"].id, None, people.session.label, "")
    grant = await access.redeem_ticket(ticket, people.session.label, "")
    assert grant

    assert await _refused(principals, await access.issue_cookie(grant, people.session.label))


async def test_batch_load_equals_single_loads(people: People) -> None:
    texts = [await people.token(name) for name in people.users]
    await workstations.grant(
        people.workstation, people.users["stranger"].id, ObjectRole.WORKSTATION_USER, actor=await people.actor("owner")
    )
    single = {each.token_id: each for each in [await _now(text) for text in [*texts, people.container_token]]}
    with counting() as counter:
        found = await load_principals({(each.token_id, each.user_id) for each in single.values()})

    assert {token_id: each for (token_id, _), each in found.items()} == single
    assert len(counter.statements) <= 8


async def test_ended_credential_is_not_refreshed(people: People, principals: PrincipalCache) -> None:
    principal = await principals.from_bearer_token(await people.token("owner"))
    tokenless = Principal(principal.kind, principal.user_id, principal.rules)
    assert (await principals.refresh(tokenless)).rules == principal.rules

    await Token.filter(id=principal.token_id).update(expires_at=now())
    with pytest.raises(Unauthenticated):
        await principals.refresh(principal)

    await User.filter(id=principal.user_id).update(is_active=False)
    with pytest.raises(Unauthenticated):
        await principals.refresh(tokenless)
