"""Moves are compare-and-set: legal ones are made once, with a history; all others are refused."""

import asyncio

import pytest

from core.errors import Conflict
from core.messaging.outbox import OutboxMessage
from models.accounts.history import HistoryEntry
from models.permissions.actor import SERVICE
from models.services.transitions import move_image, move_session
from models.sessions import images as image_table
from models.sessions import sessions as session_table
from models.sessions.images import Image, ImageState
from models.sessions.sessions import ENDINGS, LIVE, Session, SessionState
from tests.people import Cast


async def _in_state(cast: Cast, state: SessionState) -> Session:
    await Session.filter(id=cast.session.id).update(state=state)
    return await Session.get(id=cast.session.id)


async def test_every_pair_of_session_states_is_either_moved_or_refused(cast: Cast) -> None:
    for before in SessionState:
        for after in SessionState:
            session = await _in_state(cast, before)
            if after in session_table.MOVES[before]:
                await move_session(session, after, SERVICE)
                assert session.state is after
            else:
                with pytest.raises(Conflict, match=f"Cannot go from {before} to {after}"):
                    await move_session(session, after, SERVICE)
            row = await Session.get(id=session.id)
            assert row.state is (after if after in session_table.MOVES[before] else before)


async def test_every_pair_of_image_states_is_either_moved_or_refused(cast: Cast) -> None:
    for before in ImageState:
        for after in ImageState:
            await Image.filter(id=cast.older.id).update(state=before)
            image = await Image.get(id=cast.older.id)
            if after in image_table.MOVES[before]:
                await move_image(image, after, SERVICE)
            else:
                with pytest.raises(Conflict):
                    await move_image(image, after, SERVICE)
            row = await Image.get(id=image.id)
            assert row.state is (after if after in image_table.MOVES[before] else before)


def test_what_has_ended_stays_ended_and_all_that_lives_can_end() -> None:
    assert {state for state in SessionState if not session_table.MOVES[state]} == ENDINGS
    for state in LIVE:
        reached, frontier = set(), {state}
        while frontier:
            reached |= frontier
            frontier = {after for before in frontier for after in session_table.MOVES[before]} - reached
        assert reached >= ENDINGS


async def test_a_move_leaves_its_history_and_its_news(cast: Cast) -> None:
    await OutboxMessage.all().delete()

    await move_session(cast.session, SessionState.STOPPING, await cast.actor("guest"), cause="Enough.")

    entry = await HistoryEntry.filter(resource="session", action="move").order_by("-id").first()
    assert entry is not None
    assert (entry.from_state, entry.to_state, entry.cause) == ("running", "stopping", "Enough.")
    assert entry.actor_id == cast.users["guest"].id
    told = await OutboxMessage.all().values_list("name", flat=True)
    assert set(told) == {f"session:{cast.session.id}", f"sessions-of:{cast.users['guest'].id}"}


async def test_a_move_that_is_refused_leaves_nothing(cast: Cast) -> None:
    await OutboxMessage.all().delete()
    entries = await HistoryEntry.all().count()
    await Session.filter(id=cast.session.id).update(state=SessionState.STOPPED)

    with pytest.raises(Conflict, match="changed meanwhile"):
        await move_session(cast.session, SessionState.STOPPING, SERVICE)

    assert (await HistoryEntry.all().count(), await OutboxMessage.all().count()) == (entries, 0)


async def test_of_five_who_move_at_once_one_wins(cast: Cast) -> None:
    seen = [await Session.get(id=cast.session.id) for _ in range(5)]

    outcomes = await asyncio.gather(
        *(move_session(session, SessionState.STOPPING, SERVICE) for session in seen), return_exceptions=True
    )

    assert outcomes.count(None) == 1
    assert [type(outcome) for outcome in outcomes if outcome] == [Conflict] * 4
    moves = HistoryEntry.filter(resource="session", object_id=cast.session.id, to_state="stopping")
    assert await moves.count() == 1


async def test_a_late_writer_with_an_old_fence_changes_nothing(cast: Cast) -> None:
    await Session.filter(id=cast.session.id).update(fence=7)

    with pytest.raises(Conflict):
        await move_session(cast.session, SessionState.FAILED, SERVICE, held=6)

    assert (await Session.get(id=cast.session.id)).state is SessionState.RUNNING
    await move_session(cast.session, SessionState.FAILED, SERVICE, held=7)


async def test_an_ending_session_makes_room_for_the_next_one(cast: Cast) -> None:
    assert cast.session.active_key

    await move_session(cast.session, SessionState.STOPPING, SERVICE)

    assert (await Session.get(id=cast.session.id)).active_key is None
