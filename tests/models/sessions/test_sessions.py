"""Launch, queue, claims and end of sessions."""

import asyncio
from datetime import timedelta

import pytest

from core.clock import now
from core.errors import BadInput, Conflict
from core.messaging.outbox import OutboxMessage
from models.accounts.history import HistoryEntry
from models.accounts.tokens import Token
from models.permissions.principal import SERVICE
from models.services.sessions import session_queue, session_runs, sessions
from models.services.sessions.session_runs import ContainerExit
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import TERMINAL_STATES, Reason, Session, SessionState
from tests.people import People


async def _launch(people: People, name: str, **options: object) -> Session:
    session, _ = await sessions.launch(
        people.image,
        people.region,
        people.settings,
        actor=await people.actor(name),
        **options,  # type: ignore[arg-type]
    )
    return session


async def _expire_lease(session: Session) -> None:
    await Session.filter(id=session.id).update(lease_until=now() - timedelta(seconds=1))


async def _reload(session: Session) -> Session:
    return await Session.get(id=session.id)


async def test_launch_queues_session_and_job(people: People) -> None:
    await OutboxMessage.all().delete()

    session = await _launch(people, "editor")

    assert (session.state, session.maximum_seconds) == (SessionState.QUEUED, people.settings.session_seconds)
    jobs = await OutboxMessage.filter(kind="job")
    assert [(job.name, job.queue, job.arguments) for job in jobs] == [("session_launch", "carrel:local", [session.id])]


async def test_concurrent_launches_create_one_session(people: People) -> None:
    actor = await people.actor("editor")

    outcomes = await asyncio.gather(
        *(sessions.launch(people.image, people.region, people.settings, actor=actor) for _ in range(10))
    )

    assert len({session.id for session, _ in outcomes}) == 1
    assert sum(is_new for _, is_new in outcomes) == 1
    assert await Session.filter(creator=people.users["editor"]).count() == 1
    assert await HistoryEntry.filter(resource="session", action="launch", actor=people.users["editor"]).count() == 1


async def test_other_user_image_or_region_gets_another_session(people: People) -> None:
    first = await _launch(people, "editor")
    elsewhere = await Region.create(name="elsewhere")
    actor = await people.actor("editor")

    others = [
        await sessions.launch(people.older, people.region, people.settings, actor=actor),
        await sessions.launch(people.image, elsewhere, people.settings, actor=actor),
        await sessions.launch(people.image, people.region, people.settings, actor=await people.actor("owner")),
    ]

    assert all(is_new for _, is_new in others)
    assert len({first.id, *(session.id for session, _ in others)}) == 4


async def test_launch_after_the_end_creates_new_session(people: People) -> None:
    first = await _launch(people, "editor")
    await sessions.request_stop(first, actor=SERVICE)

    second = await _launch(people, "editor")

    assert second.id != first.id
    assert second.label != first.label


@pytest.mark.parametrize("seconds", [0, -1, 59, 86_401, 2**31])
async def test_seconds_out_of_range_are_refused(people: People, seconds: int) -> None:
    with pytest.raises(BadInput) as caught:
        await _launch(people, "editor", seconds=seconds)

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


def test_invalid_and_reserved_variables_are_refused() -> None:
    for environment in BAD_VARIABLES:
        with pytest.raises(BadInput) as caught:
            sessions.check_environment(environment)
        assert caught.value.path == ("environment",), environment


def test_valid_variables_are_accepted() -> None:
    sessions.check_environment({f"A_{number}": "x" * 4096 for number in range(31)} | {"B": "two\nlines ü"})


async def test_queue_is_first_come_first_served(people: People) -> None:
    queued = [await _launch(people, name) for name in ("editor", "owner", "operator")]
    assert await session_queue.queue_positions([each.id for each in queued]) == {
        queued[0].id: 1,
        queued[1].id: 2,
        queued[2].id: 3,
    }

    claims = [await session_runs.claim_launch(each.id, people.settings) for each in reversed(queued)]

    assert [claimed.id if claimed else None for claimed in claims] == [None, None, queued[0].id], "one slot is left"
    assert await session_runs.claim_launch(queued[1].id, people.settings) is None


async def test_concurrent_claims_never_exceed_capacity(people: People) -> None:
    await Region.filter(id=people.region.id).update(capacity=3)
    queued = [await _launch(people, name) for name in ("editor", "owner", "operator", "member", "stranger")]

    await asyncio.gather(*(session_runs.claim_launch(each.id, people.settings) for each in queued * 3))

    states = [(await _reload(each)).state for each in queued]
    assert states == [SessionState.STARTING] * 2 + [SessionState.QUEUED] * 3


async def test_session_waiting_for_image_does_not_block_queue(people: People) -> None:
    first = await _launch(people, "editor")
    older, _ = await sessions.launch(people.older, people.region, people.settings, actor=await people.actor("owner"))
    await Image.filter(id=people.image.id).update(state=ImageState.QUEUED)

    assert await session_runs.claim_launch(first.id, people.settings) is None
    assert await session_runs.claim_launch(older.id, people.settings)


async def test_claim_lasts_until_the_lease_expires(people: People) -> None:
    session = await _launch(people, "editor")
    first = await session_runs.claim_launch(session.id, people.settings)
    assert first is not None
    assert await session_runs.claim_launch(session.id, people.settings) is None

    await _expire_lease(session)
    claims = await asyncio.gather(*(session_runs.claim_launch(session.id, people.settings) for _ in range(5)))

    second = [each for each in claims if each]
    assert len(second) == 1
    assert second[0].fence == first.fence + 1
    assert not await session_runs.is_still_claimed(first)
    assert await session_runs.is_still_claimed(second[0])


async def test_write_with_lost_claim_is_refused(people: People) -> None:
    session = await _launch(people, "editor")
    late = await session_runs.claim_launch(session.id, people.settings)
    await _expire_lease(session)
    current = await session_runs.claim_launch(session.id, people.settings)
    assert late
    assert current

    with pytest.raises(Conflict):
        await session_runs.mark_running(late, "local", "10.0.0.1", 1, 1)
    with pytest.raises(Conflict):
        await session_runs.fail(late, Reason.NEVER_ANSWERED, "Too late.", expected_fence=late.fence)

    await session_runs.mark_running(current, "local", "10.0.0.2", 2, 3)
    row = await _reload(session)
    assert (row.state, row.host, row.http_port, row.websocket_port) == (SessionState.RUNNING, "10.0.0.2", 2, 3)


async def test_released_claim_can_be_taken_at_once(people: People) -> None:
    session = await _launch(people, "editor")
    first = await session_runs.claim_launch(session.id, people.settings)
    assert first

    await session_runs.reschedule_launch(first, "local", 0.5)

    assert await session_runs.claim_launch(session.id, people.settings)
    await session_runs.reschedule_launch(first, "local", 0.5)
    assert await session_runs.claim_launch(session.id, people.settings) is None, "a lost claim cannot be released"


async def test_requeued_session_keeps_its_position(people: People) -> None:
    first, second = await _launch(people, "editor"), await _launch(people, "owner")
    claimed = await session_runs.claim_launch(first.id, people.settings)
    assert claimed

    await session_runs.requeue(claimed, "The image is imported again.")

    assert await session_queue.queue_positions([first.id, second.id]) == {first.id: 1, second.id: 2}
    assert await session_runs.claim_launch(second.id, people.settings) is None


async def test_lifetime_begins_when_the_session_starts(people: People) -> None:
    session = await _launch(people, "editor", seconds=60)
    await Session.filter(id=session.id).update(expires_at=now() + timedelta(seconds=1))

    claimed = await session_runs.claim_launch(session.id, people.settings)

    assert claimed is not None
    assert claimed.expires_at > now() + timedelta(seconds=55)


async def test_stopping_queued_session_ends_it_at_once(people: People) -> None:
    session = await _launch(people, "editor")

    await sessions.request_stop(session, actor=await people.actor("editor"))

    row = await _reload(session)
    assert (row.state, row.reason_code) == (SessionState.STOPPED, Reason.STOPPED_BY_CREATOR)
    assert row.ended_at
    assert row.active_key is None


async def test_stopping_running_session_enqueues_a_job(people: People) -> None:
    await OutboxMessage.all().delete()

    await sessions.request_stop(people.session, actor=await people.actor("guest"))

    row = await _reload(people.session)
    assert (row.state, row.outcome) == (SessionState.STOPPING, SessionState.STOPPED)
    assert await OutboxMessage.filter(name="session_stop").count() == 1


async def test_stopping_twice_has_no_effect(people: People) -> None:
    stale = await _reload(people.session)
    await sessions.request_stop(people.session, actor=SERVICE)
    await sessions.request_stop(people.session, actor=SERVICE)
    await sessions.request_stop(stale, actor=SERVICE)
    claimed = await session_runs.claim_stop(people.session.id, people.settings)
    assert claimed
    await session_runs.finish_stop(claimed, ContainerExit())

    await sessions.request_stop(await _reload(people.session), actor=SERVICE)

    assert (await _reload(people.session)).state is SessionState.STOPPED


async def test_one_of_five_concurrent_stops_gets_the_claim(people: People) -> None:
    await sessions.request_stop(people.session, actor=SERVICE)

    claims = await asyncio.gather(*(session_runs.claim_stop(people.session.id, people.settings) for _ in range(5)))

    assert sum(each is not None for each in claims) == 1


async def test_failure_stores_log_and_revokes_token(people: People) -> None:
    container_exit = ContainerExit(logs="x" * 100_000 + "last words", exit_code=3)

    await session_runs.fail(
        people.session, Reason.CONTAINER_EXITED, "It ended.", container_exit, expected_fence=people.session.fence
    )

    row = await _reload(people.session)
    assert (row.state, row.reason, row.exit_code) == (SessionState.FAILED, "It ended.", 3)
    assert row.logs.endswith("last words")
    assert len(row.logs) == session_runs.MAX_LOG_CHARACTERS
    assert (row.host, row.http_port, row.websocket_port) == (None, None, None)
    assert await Token.filter(session=people.session, revoked_at=None).count() == 0


async def test_failure_enqueues_next_session(people: People) -> None:
    await Region.filter(id=people.region.id).update(capacity=1)
    queued = await _launch(people, "editor")
    await OutboxMessage.all().delete()

    await session_runs.fail(people.session, Reason.CONTAINER_LOST, "It is gone.", expected_fence=people.session.fence)

    jobs = await OutboxMessage.filter(name="session_launch")
    assert [job.arguments for job in jobs] == [[queued.id]]


async def test_expired_session_has_reason_code(people: People) -> None:
    await sessions.expire(people.session, actor=SERVICE)
    claimed = await session_runs.claim_stop(people.session.id, people.settings)
    assert claimed
    await session_runs.finish_stop(claimed, ContainerExit())

    row = await _reload(people.session)
    assert (row.state, row.reason_code) == (SessionState.EXPIRED, Reason.EXPIRED)


async def test_ended_and_missing_sessions_cannot_be_claimed(people: People) -> None:
    for state in TERMINAL_STATES:
        await Session.filter(id=people.session.id).update(state=state)
        assert await session_runs.claim_launch(people.session.id, people.settings) is None
        assert await session_runs.claim_stop(people.session.id, people.settings) is None
    assert await session_runs.claim_launch(10_000, people.settings) is None
