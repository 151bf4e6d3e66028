"""Launching, waiting in line, being claimed for work, and ending."""

import asyncio
from datetime import timedelta

import pytest

from core.clock import now
from core.errors import BadInput, Conflict
from core.messaging.outbox import OutboxMessage
from models.accounts.history import HistoryEntry
from models.accounts.users import Token
from models.permissions.actor import SERVICE
from models.services.sessions import session_claims, session_completion, session_queue, sessions
from models.services.sessions.session_completion import Remains
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import ENDINGS, Reason, Session, SessionState
from tests.people import Cast


async def _launch(cast: Cast, name: str, **options: object) -> Session:
    session, _ = await sessions.launch(
        cast.image,
        cast.region,
        cast.settings,
        actor=await cast.actor(name),
        **options,  # type: ignore[arg-type]
    )
    return session


async def _lease_is_over(session: Session) -> None:
    await Session.filter(id=session.id).update(lease_until=now() - timedelta(seconds=1))


async def _reads(session: Session) -> Session:
    return await Session.get(id=session.id)


async def test_a_launch_waits_in_line_and_asks_for_a_worker(cast: Cast) -> None:
    await OutboxMessage.all().delete()

    session = await _launch(cast, "editor")

    assert (session.state, session.maximum_seconds) == (SessionState.QUEUED, cast.settings.session_seconds)
    jobs = await OutboxMessage.filter(kind="job")
    assert [(job.name, job.queue, job.arguments) for job in jobs] == [("session_launch", "carrel:local", [session.id])]


async def test_ten_launches_at_once_are_one_session(cast: Cast) -> None:
    actor = await cast.actor("editor")

    outcomes = await asyncio.gather(
        *(sessions.launch(cast.image, cast.region, cast.settings, actor=actor) for _ in range(10))
    )

    assert len({session.id for session, _ in outcomes}) == 1
    assert sum(is_new for _, is_new in outcomes) == 1
    assert await Session.filter(creator=cast.users["editor"]).count() == 1
    assert await HistoryEntry.filter(resource="session", action="launch", actor=cast.users["editor"]).count() == 1


async def test_another_person_image_or_region_is_another_session(cast: Cast) -> None:
    first = await _launch(cast, "editor")
    elsewhere = await Region.create(name="elsewhere")
    actor = await cast.actor("editor")

    others = [
        await sessions.launch(cast.older, cast.region, cast.settings, actor=actor),
        await sessions.launch(cast.image, elsewhere, cast.settings, actor=actor),
        await sessions.launch(cast.image, cast.region, cast.settings, actor=await cast.actor("owner")),
    ]

    assert all(is_new for _, is_new in others)
    assert len({first.id, *(session.id for session, _ in others)}) == 4


async def test_when_one_has_ended_the_next_is_new_and_has_another_host(cast: Cast) -> None:
    first = await _launch(cast, "editor")
    await sessions.request_stop(first, actor=SERVICE)

    second = await _launch(cast, "editor")

    assert second.id != first.id
    assert second.label != first.label


@pytest.mark.parametrize("seconds", [0, -1, 59, 86_401, 2**31])
async def test_a_life_that_is_too_short_or_too_long_is_refused(cast: Cast, seconds: int) -> None:
    with pytest.raises(BadInput) as caught:
        await _launch(cast, "editor", seconds=seconds)

    assert caught.value.path == ("seconds",)


BAD_VARIABLES = [
    {"lower": "x"},
    {"1A": "x"},
    {"": "x"},
    {"A B": "x"},
    {"A=B": "x"},
    {"A\n": "x"},
    {"Ä": "x"},
    {"CARREL_TOKEN": "mine"},
    {"A" * 65: "x"},
    {"A": "x" * 4097},
    {"A": "x\0y"},
    {f"A{number}": "x" for number in range(33)},
]


def test_variables_that_are_none_or_ours_are_refused() -> None:
    for environment in BAD_VARIABLES:
        with pytest.raises(BadInput) as caught:
            sessions.check_environment(environment)
        assert caught.value.path == ("environment",), environment


def test_ordinary_variables_are_taken() -> None:
    sessions.check_environment({f"A_{number}": "x" * 4096 for number in range(31)} | {"B": "two\nlines ü"})


async def test_the_line_is_first_come_first_served_up_to_the_capacity(cast: Cast) -> None:
    waiting = [await _launch(cast, name) for name in ("editor", "owner", "operator")]
    assert await session_queue.queue_positions([each.id for each in waiting]) == {
        waiting[0].id: 1,
        waiting[1].id: 2,
        waiting[2].id: 3,
    }

    admitted = [await session_claims.claim_launch(each.id, cast.settings) for each in reversed(waiting)]

    assert [claimed.id if claimed else None for claimed in admitted] == [None, None, waiting[0].id], "one place is left"
    assert await session_claims.claim_launch(waiting[1].id, cast.settings) is None


async def test_many_workers_at_once_never_exceed_the_capacity(cast: Cast) -> None:
    await Region.filter(id=cast.region.id).update(capacity=3)
    waiting = [await _launch(cast, name) for name in ("editor", "owner", "operator", "member", "stranger")]

    await asyncio.gather(*(session_claims.claim_launch(each.id, cast.settings) for each in waiting * 3))

    states = [(await _reads(each)).state for each in waiting]
    assert states == [SessionState.STARTING] * 2 + [SessionState.QUEUED] * 3


async def test_who_waits_for_an_image_does_not_hold_up_the_line(cast: Cast) -> None:
    first = await _launch(cast, "editor")
    older, _ = await sessions.launch(cast.older, cast.region, cast.settings, actor=await cast.actor("owner"))
    await Image.filter(id=cast.image.id).update(state=ImageState.QUEUED)

    assert await session_claims.claim_launch(first.id, cast.settings) is None
    assert await session_claims.claim_launch(older.id, cast.settings)


async def test_one_worker_holds_a_session_until_its_lease_is_over(cast: Cast) -> None:
    session = await _launch(cast, "editor")
    first = await session_claims.claim_launch(session.id, cast.settings)
    assert first is not None
    assert await session_claims.claim_launch(session.id, cast.settings) is None

    await _lease_is_over(session)
    taken = await asyncio.gather(*(session_claims.claim_launch(session.id, cast.settings) for _ in range(5)))

    second = [each for each in taken if each]
    assert len(second) == 1
    assert second[0].fence == first.fence + 1
    assert not await session_claims.still_mine(first)
    assert await session_claims.still_mine(second[0])


async def test_the_late_write_of_a_worker_that_was_taken_over_is_lost(cast: Cast) -> None:
    session = await _launch(cast, "editor")
    late = await session_claims.claim_launch(session.id, cast.settings)
    await _lease_is_over(session)
    current = await session_claims.claim_launch(session.id, cast.settings)
    assert late
    assert current

    with pytest.raises(Conflict):
        await session_claims.mark_running(late, "local", "10.0.0.1", 1, 1)
    with pytest.raises(Conflict):
        await session_completion.fail(late, Reason.NEVER_ANSWERED, "Too late.", held=late.fence)

    await session_claims.mark_running(current, "local", "10.0.0.2", 2, 3)
    row = await _reads(session)
    assert (row.state, row.host, row.http_port, row.websocket_port) == (SessionState.RUNNING, "10.0.0.2", 2, 3)


async def test_a_claim_that_is_given_back_can_be_taken_at_once(cast: Cast) -> None:
    session = await _launch(cast, "editor")
    first = await session_claims.claim_launch(session.id, cast.settings)
    assert first

    await session_claims.yield_launch(first, "local", 0.5)

    assert await session_claims.claim_launch(session.id, cast.settings)
    await session_claims.yield_launch(first, "local", 0.5)
    assert await session_claims.claim_launch(session.id, cast.settings) is None, "the lost claim gave nothing back"


async def test_a_session_goes_back_to_its_old_place_in_line(cast: Cast) -> None:
    first, second = await _launch(cast, "editor"), await _launch(cast, "owner")
    claimed = await session_claims.claim_launch(first.id, cast.settings)
    assert claimed

    await session_claims.back_to_line(claimed, "The image is imported again.")

    assert await session_queue.queue_positions([first.id, second.id]) == {first.id: 1, second.id: 2}
    assert await session_claims.claim_launch(second.id, cast.settings) is None


async def test_time_begins_when_a_place_is_given(cast: Cast) -> None:
    session = await _launch(cast, "editor", seconds=60)
    await Session.filter(id=session.id).update(expires_at=now() + timedelta(seconds=1))

    claimed = await session_claims.claim_launch(session.id, cast.settings)

    assert claimed is not None
    assert claimed.expires_at > now() + timedelta(seconds=55)


async def test_stopping_a_waiting_session_ends_it_at_once(cast: Cast) -> None:
    session = await _launch(cast, "editor")

    await sessions.request_stop(session, actor=await cast.actor("editor"))

    row = await _reads(session)
    assert (row.state, row.reason_code) == (SessionState.STOPPED, Reason.STOPPED_BY_CREATOR)
    assert row.ended_at
    assert row.active_key is None


async def test_stopping_a_running_session_asks_a_worker_and_takes_its_claim(cast: Cast) -> None:
    await OutboxMessage.all().delete()

    await sessions.request_stop(cast.session, actor=await cast.actor("guest"))

    row = await _reads(cast.session)
    assert (row.state, row.outcome) == (SessionState.STOPPING, SessionState.STOPPED)
    assert await OutboxMessage.filter(name="session_stop").count() == 1


async def test_stopping_twice_or_after_the_end_is_harmless(cast: Cast) -> None:
    stale = await _reads(cast.session)
    await sessions.request_stop(cast.session, actor=SERVICE)
    await sessions.request_stop(cast.session, actor=SERVICE)
    await sessions.request_stop(stale, actor=SERVICE)
    claimed = await session_claims.claim_stop(cast.session.id, cast.settings)
    assert claimed
    await session_completion.finish_stop(claimed, Remains())

    await sessions.request_stop(await _reads(cast.session), actor=SERVICE)

    assert (await _reads(cast.session)).state is SessionState.STOPPED


async def test_one_worker_at_a_time_stops_a_session(cast: Cast) -> None:
    await sessions.request_stop(cast.session, actor=SERVICE)

    taken = await asyncio.gather(*(session_claims.claim_stop(cast.session.id, cast.settings) for _ in range(5)))

    assert sum(each is not None for each in taken) == 1


async def test_an_end_keeps_what_was_said_and_ends_the_token(cast: Cast) -> None:
    remains = Remains(logs="x" * 100_000 + "last words", exit_code=3)

    await session_completion.fail(cast.session, Reason.CONTAINER_EXITED, "It ended.", remains, held=cast.session.fence)

    row = await _reads(cast.session)
    assert (row.state, row.reason, row.exit_code) == (SessionState.FAILED, "It ended.", 3)
    assert row.logs.endswith("last words")
    assert len(row.logs) == session_completion.LOG_CHARACTERS
    assert (row.host, row.http_port, row.websocket_port) == (None, None, None)
    assert await Token.filter(session=cast.session, revoked_at=None).count() == 0


async def test_an_end_calls_the_next_in_line(cast: Cast) -> None:
    await Region.filter(id=cast.region.id).update(capacity=1)
    waiting = await _launch(cast, "editor")
    await OutboxMessage.all().delete()

    await session_completion.fail(cast.session, Reason.CONTAINER_LOST, "It is gone.", held=cast.session.fence)

    called = await OutboxMessage.filter(name="session_launch")
    assert [job.arguments for job in called] == [[waiting.id]]


async def test_an_expired_session_says_so(cast: Cast) -> None:
    await sessions.expire(cast.session, actor=SERVICE)
    claimed = await session_claims.claim_stop(cast.session.id, cast.settings)
    assert claimed
    await session_completion.finish_stop(claimed, Remains())

    row = await _reads(cast.session)
    assert (row.state, row.reason_code) == (SessionState.EXPIRED, Reason.EXPIRED)


async def test_nothing_is_claimed_of_what_is_not_there_or_has_ended(cast: Cast) -> None:
    for state in ENDINGS:
        await Session.filter(id=cast.session.id).update(state=state)
        assert await session_claims.claim_launch(cast.session.id, cast.settings) is None
        assert await session_claims.claim_stop(cast.session.id, cast.settings) is None
    assert await session_claims.claim_launch(10_000, cast.settings) is None
