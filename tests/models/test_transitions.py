"""State transitions are compare-and-set: allowed ones happen once with history, all others are refused."""

import asyncio
from enum import StrEnum
from itertools import product
from typing import Any

import pytest

from core.errors import Conflict
from core.messaging.outbox import OutboxMessage
from models.accounts.history import HistoryEntry
from models.accounts.tokens import Token, TokenKind
from models.data.dataoperations import DataOperation, DataOperationState
from models.permissions.principal import SERVICE
from models.services.transitions import transition
from models.sessions import sessions as session_table
from models.sessions.images import Image, ImageState
from models.sessions.sessions import LIVE, TERMINAL_STATES, Session, SessionState
from tests.people import People


async def _in_state(people: People, state: SessionState) -> Session:
    await Session.filter(id=people.session.id).update(state=state)
    return await Session.get(id=people.session.id)


@pytest.mark.parametrize("table", [Session, Image, DataOperation])
async def test_transitions_follow_the_table(people: People, table: type[Session | Image | DataOperation]) -> None:
    key = {Session: people.session.id, Image: people.older.id, DataOperation: people.operation.id}[table]
    allowed = table.states.transitions
    for before, after in product(allowed, allowed):
        await table.filter(id=key).update(state=before)
        row: Any = await table.get(id=key)
        if after in allowed[before]:
            await transition(row, after, SERVICE)
            assert row.state is after
        else:
            with pytest.raises(Conflict, match=f"is {before} cannot become {after}"):
                await transition(row, after, SERVICE)
        assert (await table.get(id=key)).state is (after if after in allowed[before] else before)


@pytest.mark.parametrize(
    ("table", "states"), [(Session, SessionState), (Image, ImageState), (DataOperation, DataOperationState)]
)
def test_table_names_every_state(table: type[Session | Image | DataOperation], states: type[StrEnum]) -> None:
    assert set(table.states.transitions) == set(states)


async def test_refusal_names_the_noun_with_its_article(people: People) -> None:
    with pytest.raises(Conflict, match="An operation that is queued cannot become succeeded"):
        await transition(people.operation, DataOperationState.SUCCEEDED, SERVICE)


async def test_terminal_state_revokes_the_token_of_the_container(people: People) -> None:
    live = Token.filter(session_id=people.session.id, kind=TokenKind.SESSION, revoked_at=None)
    entries = Token.filter(session_id=people.session.id, kind=TokenKind.ENTRY, revoked_at=None)
    before = await entries.count()
    assert await live.count() == 1

    await transition(people.session, SessionState.FAILED, SERVICE)

    assert (await live.count(), await entries.count()) == (0, before)


def test_every_live_state_reaches_the_terminal_states() -> None:
    assert {state for state in SessionState if not session_table.TRANSITIONS[state]} == TERMINAL_STATES
    for state in LIVE:
        reached, frontier = set(), {state}
        while frontier:
            reached |= frontier
            frontier = {after for before in frontier for after in session_table.TRANSITIONS[before]} - reached
        assert reached >= TERMINAL_STATES


async def test_transition_records_history_and_events(people: People) -> None:
    await OutboxMessage.all().delete()

    await transition(people.session, SessionState.STOPPING, await people.actor("guest"), cause="Enough.")

    entry = await HistoryEntry.filter(resource="session", action="move").order_by("-id").first()
    assert entry is not None
    assert (entry.from_state, entry.to_state, entry.cause) == ("running", "stopping", "Enough.")
    assert entry.actor_id == people.users["guest"].id
    events = await OutboxMessage.all().values_list("name", flat=True)
    assert set(events) == {f"session:{people.session.id}", f"sessions-of:{people.users['guest'].id}"}


async def test_refused_transition_writes_nothing(people: People) -> None:
    await OutboxMessage.all().delete()
    entries = await HistoryEntry.all().count()
    await Session.filter(id=people.session.id).update(state=SessionState.STOPPED)

    with pytest.raises(Conflict, match="Another request changed"):
        await transition(people.session, SessionState.STOPPING, SERVICE)

    assert (await HistoryEntry.all().count(), await OutboxMessage.all().count()) == (entries, 0)


async def test_one_of_five_concurrent_transitions_wins(people: People) -> None:
    seen = [await Session.get(id=people.session.id) for _ in range(5)]

    outcomes = await asyncio.gather(
        *(transition(session, SessionState.STOPPING, SERVICE) for session in seen), return_exceptions=True
    )

    assert outcomes.count(None) == 1
    assert [type(outcome) for outcome in outcomes if outcome] == [Conflict] * 4
    moves = HistoryEntry.filter(resource="session", object_id=people.session.id, to_state="stopping")
    assert await moves.count() == 1


async def test_outdated_fence_changes_nothing(people: People) -> None:
    await Session.filter(id=people.session.id).update(fence=7)

    with pytest.raises(Conflict):
        await transition(people.session, SessionState.FAILED, SERVICE, expected_fence=6)

    assert (await Session.get(id=people.session.id)).state is SessionState.RUNNING
    await transition(people.session, SessionState.FAILED, SERVICE, expected_fence=7)


async def test_stopping_session_releases_its_active_key(people: People) -> None:
    assert people.session.active_key

    await transition(people.session, SessionState.STOPPING, SERVICE)

    assert (await Session.get(id=people.session.id)).active_key is None
