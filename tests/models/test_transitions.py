"""State transitions are compare-and-set: allowed ones happen once with history, all others are refused."""

import asyncio

import pytest

from core.errors import Conflict
from core.messaging.outbox import OutboxMessage
from models.accounts.history import HistoryEntry
from models.permissions.actor import SERVICE
from models.services.transitions import transition_image, transition_session
from models.sessions import images as image_table
from models.sessions import sessions as session_table
from models.sessions.images import Image, ImageState
from models.sessions.sessions import LIVE, TERMINAL_STATES, Session, SessionState
from tests.people import People


async def _in_state(people: People, state: SessionState) -> Session:
    await Session.filter(id=people.session.id).update(state=state)
    return await Session.get(id=people.session.id)


async def test_session_transitions_follow_the_table(people: People) -> None:
    for before in SessionState:
        for after in SessionState:
            session = await _in_state(people, before)
            if after in session_table.TRANSITIONS[before]:
                await transition_session(session, after, SERVICE)
                assert session.state is after
            else:
                with pytest.raises(Conflict, match=f"is {before} cannot become {after}"):
                    await transition_session(session, after, SERVICE)
            row = await Session.get(id=session.id)
            assert row.state is (after if after in session_table.TRANSITIONS[before] else before)


async def test_image_transitions_follow_the_table(people: People) -> None:
    for before in ImageState:
        for after in ImageState:
            await Image.filter(id=people.older.id).update(state=before)
            image = await Image.get(id=people.older.id)
            if after in image_table.TRANSITIONS[before]:
                await transition_image(image, after, SERVICE)
            else:
                with pytest.raises(Conflict):
                    await transition_image(image, after, SERVICE)
            row = await Image.get(id=image.id)
            assert row.state is (after if after in image_table.TRANSITIONS[before] else before)


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

    await transition_session(people.session, SessionState.STOPPING, await people.actor("guest"), cause="Enough.")

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
        await transition_session(people.session, SessionState.STOPPING, SERVICE)

    assert (await HistoryEntry.all().count(), await OutboxMessage.all().count()) == (entries, 0)


async def test_one_of_five_concurrent_transitions_wins(people: People) -> None:
    seen = [await Session.get(id=people.session.id) for _ in range(5)]

    outcomes = await asyncio.gather(
        *(transition_session(session, SessionState.STOPPING, SERVICE) for session in seen), return_exceptions=True
    )

    assert outcomes.count(None) == 1
    assert [type(outcome) for outcome in outcomes if outcome] == [Conflict] * 4
    moves = HistoryEntry.filter(resource="session", object_id=people.session.id, to_state="stopping")
    assert await moves.count() == 1


async def test_outdated_fence_changes_nothing(people: People) -> None:
    await Session.filter(id=people.session.id).update(fence=7)

    with pytest.raises(Conflict):
        await transition_session(people.session, SessionState.FAILED, SERVICE, expected_fence=6)

    assert (await Session.get(id=people.session.id)).state is SessionState.RUNNING
    await transition_session(people.session, SessionState.FAILED, SERVICE, expected_fence=7)


async def test_stopping_session_releases_its_active_key(people: People) -> None:
    assert people.session.active_key

    await transition_session(people.session, SessionState.STOPPING, SERVICE)

    assert (await Session.get(id=people.session.id)).active_key is None
