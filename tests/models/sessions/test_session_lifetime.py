"""Extension of sessions: never shortened, never beyond the limit, always published."""

import asyncio
from datetime import datetime, timedelta

import pytest

from core.clock import now
from core.errors import BadInput, Conflict
from core.messaging.outbox import OutboxMessage
from models.accounts.history import HistoryEntry
from models.accounts.tokens import Token, TokenKind
from models.permissions.principal import SERVICE
from models.services.accounts import tokens
from models.services.sessions import session_lifetime
from models.sessions.sessions import Session, SessionState
from tests.people import People


async def _reload(people: People) -> Session:
    return await Session.get(id=people.session.id)


async def _set_expiry(people: People, seconds: float, started_before: float = 60) -> datetime:
    until = now() + timedelta(seconds=seconds)
    row = Session.filter(id=people.session.id)
    await row.update(expires_at=until, starting_at=now() - timedelta(seconds=started_before))
    return until


async def test_extension_moves_session_and_token_and_is_published(people: People) -> None:
    await _set_expiry(people, 30)
    await OutboxMessage.all().delete()

    await session_lifetime.keep_alive(await _reload(people), 300, people.settings, actor=await people.actor("guest"))

    reloaded = await _reload(people)
    assert 299 < (reloaded.expires_at - now()).total_seconds() <= 300
    assert 359 <= reloaded.maximum_seconds <= 361, "counted from its start"
    token = await Token.get(session_id=reloaded.id, kind=TokenKind.SESSION)
    assert token.expires_at == reloaded.expires_at + session_lifetime.TOKEN_GRACE
    entry = await HistoryEntry.get(resource="session", object_id=reloaded.id, action="keep_alive")
    assert (entry.actor_id, entry.detail["to"]) == (people.users["guest"].id, reloaded.expires_at.isoformat())
    topics = {message.name for message in await OutboxMessage.filter(kind="event")}
    assert topics == {f"session:{reloaded.id}", f"sessions-of:{reloaded.creator_id}"}


async def test_session_is_never_shortened(people: People) -> None:
    until = await _set_expiry(people, 3000)

    await session_lifetime.keep_alive(await _reload(people), 300, people.settings, actor=SERVICE)

    assert (await _reload(people)).expires_at == until
    assert not await HistoryEntry.filter(action="keep_alive").exists()


async def test_limit_counts_from_the_start(people: People) -> None:
    limit = people.settings.session_seconds_limit
    await _set_expiry(people, 30, started_before=limit - 100)

    await session_lifetime.keep_alive(await _reload(people), 300, people.settings, actor=SERVICE)

    reloaded = await _reload(people)
    assert reloaded.starting_at is not None
    assert reloaded.expires_at == reloaded.starting_at + timedelta(seconds=limit)
    assert reloaded.maximum_seconds == limit
    with pytest.raises(Conflict, match="maximum lifetime"):
        await session_lifetime.keep_alive(reloaded, 300, people.settings, actor=SERVICE)
    await session_lifetime.keep_alive(reloaded, 10, people.settings, actor=SERVICE)
    assert (await _reload(people)).expires_at == reloaded.expires_at


@pytest.mark.parametrize("seconds", [0, -1, 86_401])
async def test_seconds_out_of_range_are_refused(people: People, seconds: int) -> None:
    with pytest.raises(BadInput) as caught:
        await session_lifetime.keep_alive(people.session, seconds, people.settings, actor=SERVICE)

    assert caught.value.path == ("seconds",)


NOT_EXTENDABLE = [state for state in SessionState if state not in session_lifetime.EXTENDABLE]


@pytest.mark.parametrize("state", NOT_EXTENDABLE)
async def test_only_starting_or_running_sessions_are_extended(people: People, state: SessionState) -> None:
    until = await _set_expiry(people, 30)
    await Session.filter(id=people.session.id).update(state=state)

    with pytest.raises(Conflict):
        await session_lifetime.keep_alive(await _reload(people), 300, people.settings, actor=SERVICE)

    assert (await _reload(people)).expires_at == until


async def test_concurrently_stopped_session_is_not_extended(people: People) -> None:
    await _set_expiry(people, 30)
    read_before = await _reload(people)
    await Session.filter(id=people.session.id).update(state=SessionState.STOPPING)

    with pytest.raises(Conflict, match="stopping"):
        await session_lifetime.keep_alive(read_before, 300, people.settings, actor=SERVICE)

    assert (await _reload(people)).state is SessionState.STOPPING


async def test_concurrent_extensions_keep_the_longest(people: People) -> None:
    await _set_expiry(people, 30)
    rows = [await _reload(people) for _ in range(6)]

    done = await asyncio.gather(
        *(
            session_lifetime.keep_alive(row, 300 + 100 * number, people.settings, actor=SERVICE)
            for number, row in enumerate(rows)
        ),
        return_exceptions=True,
    )

    assert all(each is None or isinstance(each, Conflict) for each in done), done
    reloaded = await _reload(people)
    entries = await HistoryEntry.filter(action="keep_alive").order_by("id")
    assert entries[-1].detail["to"] == reloaded.expires_at.isoformat()
    assert [entry.detail["to"] for entry in entries] == sorted(entry.detail["to"] for entry in entries)
    assert [entry.detail["from"] for entry in entries[1:]] == [entry.detail["to"] for entry in entries[:-1]]


async def test_revoked_token_is_not_extended(people: People) -> None:
    await _set_expiry(people, 30)
    token = await Token.get(session_id=people.session.id, kind=TokenKind.SESSION)
    await tokens.revoke(token, actor=SERVICE)

    await session_lifetime.keep_alive(await _reload(people), 300, people.settings, actor=SERVICE)

    assert not (await Token.get(id=token.id)).is_live(now())
