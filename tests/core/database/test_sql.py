"""Hand-written SQL reads a row by primary key and updates it by compare-and-set."""

from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError, OperationalError, ValidationError

from core.clock import now
from core.database import sql
from core.database.connection import transaction
from core.messaging.outbox import MessageKind, OutboxMessage
from core.settings import Settings
from models.accounts.history import ActorKind, HistoryEntry
from models.accounts.roles import Resource
from models.accounts.users import User
from models.sessions.images import Image, ImageState
from models.sessions.workstations import Workstation


@pytest.fixture
async def image(database: Settings) -> Image:
    user = await User.create(username="ada")
    workstation = await Workstation.create(title="Viewer", slug="viewer", creator=user)
    return await Image.create(workstation=workstation, creator=user, exposed_ports=[8080], lease_until=now())


async def test_row_equals_that_of_the_query_builder(image: Image) -> None:
    found = await sql.get_by_pk(Image, image.id)
    other = await Image.get(id=image.id)

    assert found is not None
    assert dict(found) == dict(other)
    assert (found.state, found.exposed_ports) == (ImageState.QUEUED, [8080])


async def test_missing_row_is_none(image: Image) -> None:
    assert await sql.get_by_pk(Image, image.id + 1) is None


async def test_matching_row_changes_only_the_given_fields(image: Image) -> None:
    until = now() + timedelta(seconds=5)
    as_read = {"id": image.id, "state": ImageState.QUEUED, "fence": 0, "lease_until": image.lease_until, "digest": None}

    swapped = await sql.compare_and_set(
        Image, as_read, {"state": ImageState.IMPORTING, "fence": 1, "lease_until": until}
    )

    changed = await Image.get(id=image.id)
    assert swapped
    assert (changed.state, changed.fence, changed.lease_until) == (ImageState.IMPORTING, 1, until)
    assert changed.exposed_ports == [8080]


@pytest.mark.parametrize(
    "differs", [{"fence": 1}, {"state": ImageState.READY}, {"lease_until": None}, {"digest": "sha256:0"}, {"id": 0}]
)
async def test_row_that_differs_stays_unchanged(image: Image, differs: dict[str, object]) -> None:
    as_read = {"id": image.id, "state": ImageState.QUEUED, "fence": 0, "lease_until": image.lease_until, "digest": None}

    assert not await sql.compare_and_set(Image, as_read | differs, {"fence": 7})

    assert (await Image.get(id=image.id)).fence == 0


async def test_time_can_be_set_to_null(image: Image) -> None:
    assert await sql.compare_and_set(Image, {"id": image.id}, {"lease_until": None})

    assert (await Image.get(id=image.id)).lease_until is None


def _entry(image: Image, cause: str = "") -> HistoryEntry:
    return HistoryEntry(
        resource=Resource.IMAGE, object_id=image.id, action="move", actor_kind=ActorKind.SERVICE, cause=cause
    )


async def test_inserts_are_stored_with_the_update(image: Image) -> None:
    entry = HistoryEntry(
        resource=Resource.IMAGE,
        object_id=image.id,
        action="move",
        from_state="queued",
        actor_kind=ActorKind.USER,
        actor_id=image.creator_id,
        cause="Für 'Ada'; $1",
        detail={"ports": [8080], "none": None},
    )
    message = OutboxMessage(
        key="job:1", kind=MessageKind.JOB, name="n", arguments=[1, "a"], due_at=now(), leased_until=now()
    )

    assert await sql.compare_and_set(Image, {"id": image.id, "fence": 0}, {"fence": 1}, inserts=[entry, message])

    stored_entry, stored = await HistoryEntry.get(object_id=image.id), await OutboxMessage.get(key="job:1")
    assert dict(stored_entry) | {"id": None} == dict(entry) | {"id": None}
    assert dict(stored) | {"id": None} == dict(message) | {"id": None}


async def test_unmatched_update_inserts_nothing(image: Image) -> None:
    assert not await sql.compare_and_set(Image, {"id": image.id, "fence": 9}, {"fence": 1}, inserts=[_entry(image)])

    assert await HistoryEntry.all().count() == 0


async def test_duplicate_insert_is_skipped(image: Image) -> None:
    same = [
        OutboxMessage(key="job:1", kind=MessageKind.JOB, name=name, leased_until=now()) for name in ("first", "second")
    ]

    assert await sql.compare_and_set(Image, {"id": image.id}, {"fence": 1}, inserts=same[:1])
    assert await sql.compare_and_set(Image, {"id": image.id}, {"fence": 2}, inserts=same[1:])

    assert [message.name for message in await OutboxMessage.all()] == ["first"]
    assert (await Image.get(id=image.id)).fence == 2


async def test_failed_insert_undoes_the_update(image: Image) -> None:
    entry = _entry(image)
    entry.actor_id = 99  # No such user.

    with pytest.raises(IntegrityError):
        await sql.compare_and_set(Image, {"id": image.id}, {"fence": 1}, inserts=[entry])

    assert (await Image.get(id=image.id)).fence == 0
    assert await HistoryEntry.all().count() == 0


async def test_too_long_text_is_refused_not_truncated(image: Image) -> None:
    entry = _entry(image)
    entry.__dict__["to_state"] = "x" * 33

    with pytest.raises((OperationalError, ValidationError)):
        await sql.compare_and_set(Image, {"id": image.id}, {"fence": 1}, inserts=[entry])

    assert (await Image.get(id=image.id)).fence == 0


async def test_update_joins_an_open_transaction(image: Image) -> None:
    async def failing_transaction() -> None:
        async with transaction():
            assert await sql.compare_and_set(Image, {"id": image.id}, {"fence": 1}, inserts=[_entry(image)])
            assert await HistoryEntry.all().count() == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing_transaction()

    assert (await Image.get(id=image.id)).fence == 0
    assert await HistoryEntry.all().count() == 0
