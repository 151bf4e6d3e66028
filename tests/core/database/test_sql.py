"""A row is read by its key, and changed only as it was read."""

from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError, OperationalError, ValidationError

from core.clock import now
from core.database import sql
from core.database.connection import transaction
from core.messaging.outbox import Kind, OutboxMessage
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


async def test_a_row_is_read_as_the_query_builder_reads_it(image: Image) -> None:
    found = await sql.by_key(Image, image.id)
    other = await Image.get(id=image.id)

    assert found is not None
    assert dict(found) == dict(other)
    assert (found.state, found.exposed_ports) == (ImageState.QUEUED, [8080])


async def test_a_row_that_is_not_there_is_none(image: Image) -> None:
    assert await sql.by_key(Image, image.id + 1) is None


async def test_a_row_that_matches_is_changed_and_only_in_what_is_said(image: Image) -> None:
    until = now() + timedelta(seconds=5)
    as_read = {"id": image.id, "state": ImageState.QUEUED, "fence": 0, "lease_until": image.lease_until, "digest": None}

    swapped = await sql.swap(Image, as_read, {"state": ImageState.IMPORTING, "fence": 1, "lease_until": until})

    changed = await Image.get(id=image.id)
    assert swapped
    assert (changed.state, changed.fence, changed.lease_until) == (ImageState.IMPORTING, 1, until)
    assert changed.exposed_ports == [8080]


@pytest.mark.parametrize(
    "differs", [{"fence": 1}, {"state": ImageState.READY}, {"lease_until": None}, {"digest": "sha256:0"}, {"id": 0}]
)
async def test_a_row_that_differs_in_anything_is_left_alone(image: Image, differs: dict[str, object]) -> None:
    as_read = {"id": image.id, "state": ImageState.QUEUED, "fence": 0, "lease_until": image.lease_until, "digest": None}

    assert not await sql.swap(Image, as_read | differs, {"fence": 7})

    assert (await Image.get(id=image.id)).fence == 0


async def test_a_time_can_be_taken_away(image: Image) -> None:
    assert await sql.swap(Image, {"id": image.id}, {"lease_until": None})

    assert (await Image.get(id=image.id)).lease_until is None


def _entry(image: Image, cause: str = "") -> HistoryEntry:
    return HistoryEntry(
        resource=Resource.IMAGE, object_id=image.id, action="move", actor_kind=ActorKind.SERVICE, cause=cause
    )


async def test_what_tells_of_a_change_is_kept_with_it(image: Image) -> None:
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
    message = OutboxMessage(key="job:1", kind=Kind.JOB, name="n", arguments=[1, "a"], due_at=now(), leased_until=now())

    assert await sql.swap(Image, {"id": image.id, "fence": 0}, {"fence": 1}, also=[entry, message])

    kept, stored = await HistoryEntry.get(object_id=image.id), await OutboxMessage.get(key="job:1")
    assert dict(kept) | {"id": None} == dict(entry) | {"id": None}
    assert dict(stored) | {"id": None} == dict(message) | {"id": None}


async def test_what_would_tell_of_a_change_that_did_not_happen_is_not_kept(image: Image) -> None:
    assert not await sql.swap(Image, {"id": image.id, "fence": 9}, {"fence": 1}, also=[_entry(image)])

    assert await HistoryEntry.all().count() == 0


async def test_what_tells_the_same_twice_is_kept_once_and_hinders_no_change(image: Image) -> None:
    same = [OutboxMessage(key="job:1", kind=Kind.JOB, name=name, leased_until=now()) for name in ("first", "second")]

    assert await sql.swap(Image, {"id": image.id}, {"fence": 1}, also=same[:1])
    assert await sql.swap(Image, {"id": image.id}, {"fence": 2}, also=same[1:])

    assert [message.name for message in await OutboxMessage.all()] == ["first"]
    assert (await Image.get(id=image.id)).fence == 2


async def test_a_change_whose_telling_fails_does_not_happen(image: Image) -> None:
    entry = _entry(image)
    entry.actor_id = 99  # Nobody.

    with pytest.raises(IntegrityError):
        await sql.swap(Image, {"id": image.id}, {"fence": 1}, also=[entry])

    assert (await Image.get(id=image.id)).fence == 0
    assert await HistoryEntry.all().count() == 0


async def test_text_that_is_too_long_is_refused_and_never_cut(image: Image) -> None:
    entry = _entry(image)
    entry.__dict__["to_state"] = "x" * 33

    with pytest.raises((OperationalError, ValidationError)):
        await sql.swap(Image, {"id": image.id}, {"fence": 1}, also=[entry])

    assert (await Image.get(id=image.id)).fence == 0


async def test_within_a_transaction_it_is_part_of_it(image: Image) -> None:
    async def in_vain() -> None:
        async with transaction():
            assert await sql.swap(Image, {"id": image.id}, {"fence": 1}, also=[_entry(image)])
            assert await HistoryEntry.all().count() == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await in_vain()

    assert (await Image.get(id=image.id)).fence == 0
    assert await HistoryEntry.all().count() == 0
