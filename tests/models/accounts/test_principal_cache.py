"""Callers are remembered for a second, and a right that ends is gone at once, in every process."""

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
from models.accounts.roles import ObjectRole, Operation, Resource, Rule, Scope
from models.accounts.users import Token, TokenKind, User
from models.permissions.actor import SERVICE
from models.permissions.principal import Principal
from models.services.accounts import grants, organizations, roles, users
from models.services.accounts.authentication import principals
from models.services.accounts.principal_cache import Callers
from models.services.sessions import workstations
from models.services.sessions.session_access import Doors
from tests.people import Cast
from tests.statements import counting
from tests.waiting import eventually


@pytest.fixture
async def callers(cast: Cast, redis: Redis) -> AsyncIterator[Callers]:
    """Those of this process, whose commits it hears of at once."""
    bus = EventBus(redis)
    await bus.start()
    outbox.use(Dispatcher(Queue(redis), bus))
    yield Callers(bus)
    outbox.use(None)
    await bus.stop()


@pytest.fixture
async def elsewhere(callers: Callers, redis_address: str) -> AsyncIterator[Callers]:
    """Those of another process: another client of the same Redis."""
    client = open_redis(redis_address)
    bus = EventBus(client)
    await bus.start()
    yield Callers(bus)
    await bus.stop()
    await close_redis(client)


async def _refused(callers: Callers, text: str) -> bool:
    try:
        await callers.bearer(text)
    except Unauthenticated:
        return True
    return False


async def test_a_caller_is_found_once_a_second(cast: Cast, callers: Callers) -> None:
    text = await cast.token("owner")
    first = await callers.bearer(text)
    with counting() as counter:
        again = await callers.bearer(text)

    assert again == first
    assert counter.statements == []


async def test_a_revoked_token_is_refused_at_once(cast: Cast, callers: Callers) -> None:
    token, minted = await users.mint_token(
        cast.users["owner"].id, TokenKind.API, actor=SERVICE, lifetime=timedelta(hours=1)
    )
    await callers.bearer(minted.text)

    await users.revoke(token, actor=SERVICE)

    assert await _refused(callers, minted.text)


async def _take_role(cast: Cast) -> None:
    await roles.take(cast.roles["operator"], cast.users["operator"], actor=SERVICE)


async def _give_rule(cast: Cast) -> None:
    await roles.take(cast.roles["operator"], cast.users["operator"], actor=SERVICE)
    await roles.give_rule(Rule.parse("session:view:own"), cast.users["operator"], actor=SERVICE)


async def _join_lab(cast: Cast) -> None:
    await organizations.add_member(cast.lab, cast.users["operator"], MemberRole.MEMBER, actor=SERVICE)


CHANGES = [_take_role, _give_rule, _join_lab]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
async def test_a_change_of_rights_is_seen_by_the_next_request(
    cast: Cast, callers: Callers, change: Callable[[Cast], Awaitable[None]]
) -> None:
    text = await cast.token("operator")
    before = await callers.bearer(text)

    await change(cast)

    assert await callers.bearer(text) != before
    assert await callers.bearer(text) == await _now(text)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
async def test_another_process_hears_of_it(
    cast: Cast, elsewhere: Callers, change: Callable[[Cast], Awaitable[None]]
) -> None:
    text = await cast.token("operator")
    before = await elsewhere.bearer(text)

    await change(cast)

    async def changed() -> bool:
        return await elsewhere.bearer(text) != before

    assert await eventually(changed, within=0.8)


async def _now(text: str) -> Principal:
    return await Callers(EventBus(open_redis("memory://"))).bearer(text)


async def test_what_is_granted_to_a_group_is_seen_by_its_members_next_request(cast: Cast, callers: Callers) -> None:
    await roles.take(cast.roles["researcher"], cast.users["member"], actor=SERVICE)
    text = await cast.token("member")
    edits = Rule(Resource.WORKSTATION, Operation.EDIT, Scope.OWN)
    assert edits not in (await callers.bearer(text)).rules

    await grants.give(cast.workstation, ObjectRole.WORKSTATION_EDITOR, organization_id=cast.lab.id, actor=SERVICE)

    assert edits in (await callers.bearer(text)).rules


async def test_without_redis_nothing_is_remembered_for_longer_than_a_second(cast: Cast) -> None:
    bus = EventBus(open_redis("redis://127.0.0.1:1/0"))
    callers, text = Callers(bus), await cast.token("owner")
    await callers.bearer(text)

    await Token.filter(user_id=cast.users["owner"].id).update(revoked_at=now())
    assert not await _refused(callers, text)

    async def refused() -> bool:
        return await _refused(callers, text)

    assert await eventually(refused, within=1.5)


async def test_a_token_ends_with_its_time_and_not_with_the_second(cast: Cast, callers: Callers) -> None:
    _, minted = await users.mint_token(
        cast.users["owner"].id, TokenKind.API, actor=SERVICE, lifetime=timedelta(milliseconds=300)
    )
    await callers.bearer(minted.text)

    async def refused() -> bool:
        return await _refused(callers, minted.text)

    assert await eventually(refused, within=0.7)


async def test_an_unknown_token_is_asked_for_each_time(cast: Cast, callers: Callers) -> None:
    text = await cast.token("owner")
    assert await _refused(callers, text[:-1] + "_")
    assert await _refused(callers, "no token at all")


async def test_a_browsers_cookie_alone_is_one(cast: Cast, callers: Callers) -> None:
    cookie, api = await cast.token("owner", TokenKind.BROWSER), await cast.token("owner")

    found = await callers.browser(cookie)

    assert found
    assert found.user_id == cast.users["owner"].id
    assert await callers.browser(api) is None
    assert await callers.browser("nonsense") is None


async def test_the_cookie_of_a_session_is_no_credential_here(cast: Cast, callers: Callers, redis: Redis) -> None:
    doors = Doors(redis, EventBus(redis))
    ticket = await doors.mint_ticket(cast.users["guest"].id, None, cast.session.label, "")
    entry = await doors.redeem_ticket(ticket, cast.session.label, "")
    assert entry

    assert await _refused(callers, await doors.seal(entry, cast.session.label))


async def test_rights_of_many_are_read_together_and_are_those_of_each_alone(cast: Cast) -> None:
    texts = [await cast.token(name) for name in cast.users]
    await workstations.grant(
        cast.workstation, cast.users["stranger"].id, ObjectRole.WORKSTATION_USER, actor=await cast.actor("owner")
    )
    alone = {each.token_id: each for each in [await _now(text) for text in [*texts, cast.desk_text]]}
    with counting() as counter:
        found = await principals({(each.token_id, each.user_id) for each in alone.values()})

    assert {token_id: each for (token_id, _), each in found.items()} == alone
    assert len(counter.statements) <= 8


async def test_a_credential_that_ended_holds_nothing(cast: Cast, callers: Callers) -> None:
    principal = await callers.bearer(await cast.token("owner"))
    tokenless = Principal(principal.kind, principal.user_id, principal.rules)
    assert (await callers.renewed(tokenless)).rules == principal.rules

    await Token.filter(id=principal.token_id).update(expires_at=now())
    with pytest.raises(Unauthenticated):
        await callers.renewed(principal)

    await User.filter(id=principal.user_id).update(is_active=False)
    with pytest.raises(Unauthenticated):
        await callers.renewed(tokenless)
