"""Sessions are kept alive while they are used: never shorter than before, never beyond the limit, each time told."""

import asyncio
from datetime import datetime, timedelta

import pytest

from core.clock import now
from core.errors import BadInput, Conflict
from core.messaging.outbox import OutboxMessage
from models.accounts.history import HistoryEntry
from models.accounts.users import Token, TokenKind
from models.permissions.actor import SERVICE
from models.services.accounts import users
from models.services.sessions import session_lifetime
from models.sessions.sessions import Session, SessionState
from tests.people import Cast


async def _reads(cast: Cast) -> Session:
    return await Session.get(id=cast.session.id)


async def _ends_in(cast: Cast, seconds: float, begun: float = 60) -> datetime:
    until = now() + timedelta(seconds=seconds)
    row = Session.filter(id=cast.session.id)
    await row.update(expires_at=until, starting_at=now() - timedelta(seconds=begun))
    return until


async def test_it_lives_that_long_from_now_with_its_token_and_it_is_told(cast: Cast) -> None:
    await _ends_in(cast, 30)
    await OutboxMessage.all().delete()

    await session_lifetime.keep_alive(await _reads(cast), 300, cast.settings, actor=await cast.actor("guest"))

    kept = await _reads(cast)
    assert 299 < (kept.expires_at - now()).total_seconds() <= 300
    assert 359 <= kept.maximum_seconds <= 361, "counted from its start"
    token = await Token.get(session_id=kept.id, kind=TokenKind.DESK)
    assert token.expires_at == kept.expires_at + session_lifetime.TOKEN_GRACE
    entry = await HistoryEntry.get(resource="session", object_id=kept.id, action="keep_alive")
    assert (entry.actor_id, entry.detail["to"]) == (cast.users["guest"].id, kept.expires_at.isoformat())
    topics = {message.name for message in await OutboxMessage.filter(kind="event")}
    assert topics == {f"session:{kept.id}", f"sessions-of:{kept.creator_id}"}


async def test_it_is_never_made_shorter(cast: Cast) -> None:
    until = await _ends_in(cast, 3000)

    await session_lifetime.keep_alive(await _reads(cast), 300, cast.settings, actor=SERVICE)

    assert (await _reads(cast)).expires_at == until
    assert not await HistoryEntry.filter(action="keep_alive").exists()


async def test_the_limit_counts_from_its_start_and_is_reached_once(cast: Cast) -> None:
    limit = cast.settings.session_seconds_limit
    await _ends_in(cast, 30, begun=limit - 100)

    await session_lifetime.keep_alive(await _reads(cast), 300, cast.settings, actor=SERVICE)

    kept = await _reads(cast)
    assert kept.starting_at is not None
    assert kept.expires_at == kept.starting_at + timedelta(seconds=limit)
    assert kept.maximum_seconds == limit
    with pytest.raises(Conflict, match="longest life"):
        await session_lifetime.keep_alive(kept, 300, cast.settings, actor=SERVICE)
    await session_lifetime.keep_alive(kept, 10, cast.settings, actor=SERVICE)
    assert (await _reads(cast)).expires_at == kept.expires_at


@pytest.mark.parametrize("seconds", [0, -1, 86_401])
async def test_no_time_and_too_much_are_refused(cast: Cast, seconds: int) -> None:
    with pytest.raises(BadInput) as caught:
        await session_lifetime.keep_alive(cast.session, seconds, cast.settings, actor=SERVICE)

    assert caught.value.path == ("seconds",)


@pytest.mark.parametrize("state", set(SessionState) - {*session_lifetime.PROLONGED})
async def test_what_has_not_begun_or_is_ending_is_not_kept_alive(cast: Cast, state: SessionState) -> None:
    until = await _ends_in(cast, 30)
    await Session.filter(id=cast.session.id).update(state=state)

    with pytest.raises(Conflict):
        await session_lifetime.keep_alive(await _reads(cast), 300, cast.settings, actor=SERVICE)

    assert (await _reads(cast)).expires_at == until


async def test_a_session_that_is_stopped_meanwhile_is_not_brought_back(cast: Cast) -> None:
    await _ends_in(cast, 30)
    read_before = await _reads(cast)
    await Session.filter(id=cast.session.id).update(state=SessionState.STOPPING)

    with pytest.raises(Conflict, match="stopping"):
        await session_lifetime.keep_alive(read_before, 300, cast.settings, actor=SERVICE)

    assert (await _reads(cast)).state is SessionState.STOPPING


async def test_many_at_once_keep_the_longest(cast: Cast) -> None:
    await _ends_in(cast, 30)
    rows = [await _reads(cast) for _ in range(6)]

    done = await asyncio.gather(
        *(
            session_lifetime.keep_alive(row, 300 + 100 * number, cast.settings, actor=SERVICE)
            for number, row in enumerate(rows)
        ),
        return_exceptions=True,
    )

    assert all(each is None or isinstance(each, Conflict) for each in done), done
    kept = await _reads(cast)
    entries = await HistoryEntry.filter(action="keep_alive").order_by("id")
    assert entries[-1].detail["to"] == kept.expires_at.isoformat()
    assert [entry.detail["to"] for entry in entries] == sorted(entry.detail["to"] for entry in entries)
    assert [entry.detail["from"] for entry in entries[1:]] == [entry.detail["to"] for entry in entries[:-1]]


async def test_a_revoked_token_stays_so(cast: Cast) -> None:
    await _ends_in(cast, 30)
    token = await Token.get(session_id=cast.session.id, kind=TokenKind.DESK)
    await users.revoke(token, actor=SERVICE)

    await session_lifetime.keep_alive(await _reads(cast), 300, cast.settings, actor=SERVICE)

    assert not (await Token.get(id=token.id)).is_live(now())
