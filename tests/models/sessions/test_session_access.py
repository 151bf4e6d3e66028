"""The way into a session: tickets that open once, cookies for one host, and who is let in."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from core.clock import now
from core.messaging.event_bus import EventBus
from models.accounts.history import HistoryEntry
from models.accounts.roles import Resource
from models.accounts.users import Token, TokenKind, User
from models.permissions.actor import SERVICE
from models.services.accounts import users
from models.services.sessions import session_completion
from models.services.sessions.session_access import Doors, Entry
from models.sessions.sessions import Reason
from tests.people import Cast

STATE = "a" * 64


@pytest.fixture
async def doors(redis: Redis) -> AsyncIterator[Doors]:
    return Doors(redis, EventBus(redis))


async def _ticket(doors: Doors, cast: Cast, name: str = "guest", token_id: int | None = None) -> str:
    return await doors.mint_ticket(cast.users[name].id, token_id, cast.session.label, STATE)


async def test_a_desk_is_what_the_proxy_needs_to_know(doors: Doors, cast: Cast) -> None:
    desk = await doors.desk(cast.session.label)

    assert desk is not None
    assert (desk.session_id, desk.state, desk.creator_id) == (cast.session.id, "running", cast.users["guest"].id)
    assert desk.http == ("127.0.0.1", 1)


async def test_an_unknown_label_is_no_desk(doors: Doors, cast: Cast) -> None:
    for label in ("", "nobody", cast.session.label.upper(), "x" * 64, cast.session.label + "x", "a\0b", "%"):
        assert await doors.desk(label) is None, label


async def test_a_ticket_opens_once(doors: Doors, cast: Cast) -> None:
    ticket = await _ticket(doors, cast)

    entry = await doors.redeem_ticket(ticket, cast.session.label, STATE)

    assert entry is not None
    assert entry.user_id == cast.users["guest"].id
    assert entry.expires_at > cast.session.expires_at, "its page still says how the session ended"
    assert await doors.redeem_ticket(ticket, cast.session.label, STATE) is None


async def test_a_ticket_does_not_outlive_half_a_minute(doors: Doors, cast: Cast, redis: Redis) -> None:
    await _ticket(doors, cast)

    (key,) = await redis.keys("carrel:ticket:*")
    assert 0 < await redis.ttl(key) <= 30


async def test_what_is_kept_of_a_ticket_is_not_the_ticket(doors: Doors, cast: Cast, redis: Redis) -> None:
    ticket = await _ticket(doors, cast)

    (key,) = await redis.keys("*")
    assert ticket.encode() not in key + (await redis.get(key) or b"")


async def test_a_ticket_at_another_door_is_spent(doors: Doors, cast: Cast) -> None:
    for label, state in (("elsewhere", STATE), (cast.session.label, "b" * 64)):
        ticket = await _ticket(doors, cast)
        assert await doors.redeem_ticket(ticket, label, state) is None
        assert await doors.redeem_ticket(ticket, cast.session.label, STATE) is None


async def test_a_ticket_of_somebody_else_opens_nothing(doors: Doors, cast: Cast) -> None:
    for name in ("owner", "operator", "stranger"):
        ticket = await _ticket(doors, cast, name)
        assert await doors.redeem_ticket(ticket, cast.session.label, STATE) is None


async def test_who_enters_a_session_that_has_ended_learns_so_and_reaches_no_container(doors: Doors, cast: Cast) -> None:
    await session_completion.fail(cast.session, Reason.CONTAINER_LOST, "It is gone.", held=cast.session.fence)

    assert await doors.redeem_ticket(await _ticket(doors, cast), cast.session.label, STATE)
    desk = await doors.desk(cast.session.label)
    assert desk is not None
    assert (desk.state, desk.http, desk.websocket, desk.reason) == ("failed", None, None, "It is gone.")


async def _sealed(doors: Doors, cast: Cast, parent: Token | None = None) -> str:
    entry = Entry(cast.users["guest"].id, cast.session.expires_at, parent.id if parent else None)
    return await doors.seal(entry, cast.session.label)


async def test_a_cookie_is_good_for_its_own_host_alone(doors: Doors, cast: Cast) -> None:
    cookie = await _sealed(doors, cast)

    entry = await doors.entry(cookie, cast.session.label)

    assert entry is not None
    assert entry.user_id == cast.users["guest"].id
    assert entry.expires_at > now()
    assert await doors.entry(cookie, "elsewhere") is None
    assert await doors.entry(cookie + "x", cast.session.label) is None


async def test_signing_out_ends_the_entry_that_came_from_it(doors: Doors, cast: Cast) -> None:
    browser, _ = await users.mint_token(
        cast.users["guest"].id, TokenKind.BROWSER, actor=SERVICE, lifetime=timedelta(hours=1)
    )
    cookie = await _sealed(doors, cast, browser)
    assert await doors.entry(cookie, cast.session.label)

    await users.revoke(browser, actor=SERVICE)

    assert await doors.entry(cookie, cast.session.label) is None


async def test_an_entry_ends_with_the_sign_in_it_came_from(doors: Doors, cast: Cast) -> None:
    browser, _ = await users.mint_token(
        cast.users["guest"].id, TokenKind.BROWSER, actor=SERVICE, lifetime=timedelta(hours=1)
    )
    cookie = await _sealed(doors, cast, browser)
    await Token.filter(id=browser.id).update(expires_at=now() - timedelta(seconds=1))

    assert await doors.entry(cookie, cast.session.label) is None


async def test_an_entry_that_has_expired_is_over(doors: Doors, cast: Cast) -> None:
    cookie = await _sealed(doors, cast)
    await Token.filter(kind=TokenKind.ENTRY).update(expires_at=now() - timedelta(seconds=1))

    assert await doors.entry(cookie, cast.session.label) is None


async def test_an_entry_ends_when_its_user_is_deactivated(doors: Doors, cast: Cast) -> None:
    cookie = await _sealed(doors, cast)
    await User.filter(id=cast.users["guest"].id).update(is_active=False)

    assert await doors.entry(cookie, cast.session.label) is None


async def test_other_tokens_are_no_cookies_of_a_session(doors: Doors, cast: Cast) -> None:
    for kind in (TokenKind.API, TokenKind.BROWSER):
        assert await doors.entry(await cast.token("guest", kind), cast.session.label) is None
    assert await doors.entry(cast.desk_text, cast.session.label) is None


async def test_a_script_enters_with_the_token_of_the_creator_and_no_other(doors: Doors, cast: Cast) -> None:
    let_in = {name for name in (*cast.users, "desk") if await doors.bearer(await cast.token(name), cast.session.label)}

    assert let_in == {"guest"}
    assert await doors.bearer("nonsense", cast.session.label) is None
    assert await doors.bearer(await cast.token("guest"), "elsewhere") is None


async def test_a_script_whose_token_may_only_look_does_not_enter(doors: Doors, cast: Cast) -> None:
    guest = await cast.principal("guest")
    scopes = [rule for rule in guest.rules if rule.operation == "view"]
    _, minted = await users.mint_token(guest.user_id, TokenKind.API, actor=SERVICE, lifetime=None, scopes=scopes)

    assert await doors.bearer(minted.text, cast.session.label) is None


async def test_whoever_is_not_let_in_is_written_into_the_sessions_history(doors: Doors, cast: Cast) -> None:
    for _ in range(2):
        await doors.bearer(await cast.token("stranger"), cast.session.label)

    (refused,) = await HistoryEntry.filter(action="session_open_refused")
    assert (refused.resource, refused.object_id) == (Resource.SESSION, cast.session.id)
    assert (refused.actor_id, refused.cause) == (cast.users["stranger"].id, "Only its creator works in a session.")


async def test_the_entry_cookie_is_no_bearer(doors: Doors, cast: Cast) -> None:
    assert await doors.bearer(await _sealed(doors, cast), cast.session.label) is None
