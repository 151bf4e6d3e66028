"""Access to sessions: one-time tickets, cookies for one host, and API tokens."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from core.clock import now
from core.messaging.event_bus import EventBus
from models.accounts.history import HistoryEntry
from models.accounts.roles import Resource
from models.accounts.tokens import Token, TokenKind
from models.accounts.users import User
from models.permissions.principal import SERVICE
from models.services.accounts import tokens
from models.services.sessions import session_runs
from models.services.sessions.session_access import AccessGrant, SessionAccess
from models.sessions.sessions import Reason
from tests.people import People

STATE = "a" * 64


@pytest.fixture
async def access(redis: Redis) -> AsyncIterator[SessionAccess]:
    return SessionAccess(redis, EventBus(redis))


async def _ticket(access: SessionAccess, people: People, name: str = "guest", token_id: int | None = None) -> str:
    return await access.mint_ticket(people.users[name].id, token_id, people.session.label, STATE)


async def test_session_info_has_state_creator_and_address(access: SessionAccess, people: People) -> None:
    info = await access.session_info(people.session.label)

    assert info is not None
    assert (info.session_id, info.state, info.creator_id) == (people.session.id, "running", people.users["guest"].id)
    assert info.http == ("127.0.0.1", 1)


async def test_unknown_label_has_no_session_info(access: SessionAccess, people: People) -> None:
    for label in ("", "nobody", people.session.label.upper(), "x" * 64, people.session.label + "x", "a\0b", "%"):
        assert await access.session_info(label) is None, label


async def test_ticket_can_be_redeemed_once(access: SessionAccess, people: People) -> None:
    ticket = await _ticket(access, people)

    grant = await access.redeem_ticket(ticket, people.session.label, STATE)

    assert grant is not None
    assert grant.user_id == people.users["guest"].id
    assert grant.expires_at > people.session.expires_at, "its page still says how the session ended"
    assert await access.redeem_ticket(ticket, people.session.label, STATE) is None


async def test_ticket_expires(access: SessionAccess, people: People, redis: Redis) -> None:
    await _ticket(access, people)

    (key,) = await redis.keys("carrel:ticket:*")
    assert 0 < await redis.ttl(key) <= 30


async def test_ticket_is_not_stored_in_plain_text(access: SessionAccess, people: People, redis: Redis) -> None:
    ticket = await _ticket(access, people)

    (key,) = await redis.keys("*")
    assert ticket.encode() not in key + (await redis.get(key) or b"")


async def test_ticket_for_another_host_or_state_is_spent(access: SessionAccess, people: People) -> None:
    for label, state in (("elsewhere", STATE), (people.session.label, "b" * 64)):
        ticket = await _ticket(access, people)
        assert await access.redeem_ticket(ticket, label, state) is None
        assert await access.redeem_ticket(ticket, people.session.label, STATE) is None


async def test_ticket_of_another_user_is_refused(access: SessionAccess, people: People) -> None:
    for name in ("owner", "operator", "stranger"):
        ticket = await _ticket(access, people, name)
        assert await access.redeem_ticket(ticket, people.session.label, STATE) is None


async def test_ended_session_can_be_entered_without_container_address(access: SessionAccess, people: People) -> None:
    await session_runs.fail(people.session, Reason.CONTAINER_LOST, "It is gone.", expected_fence=people.session.fence)

    assert await access.redeem_ticket(await _ticket(access, people), people.session.label, STATE)
    info = await access.session_info(people.session.label)
    assert info is not None
    assert (info.state, info.http, info.websocket, info.reason) == ("failed", None, None, "It is gone.")


async def _cookie(access: SessionAccess, people: People, parent: Token | None = None) -> str:
    grant = AccessGrant(people.users["guest"].id, people.session.expires_at, parent.id if parent else None)
    return await access.issue_cookie(grant, people.session.label)


async def test_cookie_is_valid_for_its_host_only(access: SessionAccess, people: People) -> None:
    cookie = await _cookie(access, people)

    grant = await access.grant_from_cookie(cookie, people.session.label)

    assert grant is not None
    assert grant.user_id == people.users["guest"].id
    assert grant.expires_at > now()
    assert await access.grant_from_cookie(cookie, "elsewhere") is None
    assert await access.grant_from_cookie(cookie + "x", people.session.label) is None


async def test_sign_out_ends_the_grant(access: SessionAccess, people: People) -> None:
    browser, _ = await tokens.mint(
        people.users["guest"].id, TokenKind.BROWSER, actor=SERVICE, lifetime=timedelta(hours=1)
    )
    cookie = await _cookie(access, people, browser)
    assert await access.grant_from_cookie(cookie, people.session.label)

    await tokens.revoke(browser, actor=SERVICE)

    assert await access.grant_from_cookie(cookie, people.session.label) is None


async def test_grant_ends_when_its_sign_in_expires(access: SessionAccess, people: People) -> None:
    browser, _ = await tokens.mint(
        people.users["guest"].id, TokenKind.BROWSER, actor=SERVICE, lifetime=timedelta(hours=1)
    )
    cookie = await _cookie(access, people, browser)
    await Token.filter(id=browser.id).update(expires_at=now() - timedelta(seconds=1))

    assert await access.grant_from_cookie(cookie, people.session.label) is None


async def test_expired_cookie_is_refused(access: SessionAccess, people: People) -> None:
    cookie = await _cookie(access, people)
    await Token.filter(kind=TokenKind.ENTRY).update(expires_at=now() - timedelta(seconds=1))

    assert await access.grant_from_cookie(cookie, people.session.label) is None


async def test_grant_ends_when_user_is_deactivated(access: SessionAccess, people: People) -> None:
    cookie = await _cookie(access, people)
    await User.filter(id=people.users["guest"].id).update(is_active=False)

    assert await access.grant_from_cookie(cookie, people.session.label) is None


async def test_other_token_kinds_are_no_cookies(access: SessionAccess, people: People) -> None:
    for kind in (TokenKind.API, TokenKind.BROWSER):
        assert await access.grant_from_cookie(await people.token("guest", kind), people.session.label) is None
    assert await access.grant_from_cookie(people.container_token, people.session.label) is None


async def test_only_the_creators_api_token_enters(access: SessionAccess, people: People) -> None:
    allowed = {
        name
        for name in (*people.users, "container")
        if await access.grant_from_token(await people.token(name), people.session.label)
    }

    assert allowed == {"guest"}
    assert await access.grant_from_token("nonsense", people.session.label) is None
    assert await access.grant_from_token(await people.token("guest"), "elsewhere") is None


async def test_token_with_view_scopes_cannot_enter(access: SessionAccess, people: People) -> None:
    guest = await people.principal("guest")
    scopes = [rule for rule in guest.rules if rule.verb == "view"]
    _, minted = await tokens.mint(guest.user_id, TokenKind.API, actor=SERVICE, lifetime=None, scopes=scopes)

    assert await access.grant_from_token(minted.text, people.session.label) is None


async def test_denied_access_is_recorded_in_history(access: SessionAccess, people: People) -> None:
    for _ in range(2):
        await access.grant_from_token(await people.token("stranger"), people.session.label)

    (refused,) = await HistoryEntry.filter(action="session_open_refused")
    assert (refused.resource, refused.object_id) == (Resource.SESSION, people.session.id)
    assert (refused.actor_id, refused.cause) == (people.users["stranger"].id, "Only its creator can open a session.")


async def test_cookie_is_no_api_token(access: SessionAccess, people: People) -> None:
    assert await access.grant_from_token(await _cookie(access, people), people.session.label) is None
