"""The active image of a workstation, reassignment to another workstation, and edits of images."""

import asyncio

import pytest

from core.errors import BadInput, Conflict
from core.messaging.outbox import OutboxMessage
from models.accounts.history import HistoryEntry
from models.permissions.principal import SERVICE
from models.services.sessions import active_image, images, workstations
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Session, SessionState
from models.sessions.workstations import Workstation
from tests.people import People


async def _desired(workstation: Workstation) -> list[int]:
    rows = Image.filter(workstation_id=workstation.id, is_desired=True).order_by("id")
    return [int(str(key)) for key in await rows.values_list("id", flat=True)]


async def _other(people: People) -> Workstation:
    return await workstations.create("Another", actor=await people.actor("owner"))


async def test_reassigned_image_is_active_and_newest_remaining_promoted(people: People) -> None:
    other = await _other(people)
    other_image = await Image.create(workstation=other, state=ImageState.READY, is_desired=True)

    await active_image.reassign_image(people.image, other, actor=await people.actor("owner"))

    assert (await _desired(other), await _desired(people.workstation)) == ([people.image.id], [people.older.id])
    assert not (await Image.get(id=other_image.id)).is_desired
    entry = await HistoryEntry.get(resource="image", object_id=people.image.id, action="change_workstation")
    assert entry.detail == {"fromWorkstation": people.workstation.id, "toWorkstation": other.id}
    assert entry.actor_id == people.users["owner"].id
    topics = {message.name for message in await OutboxMessage.filter(kind="event")}
    assert topics >= {f"image:{people.image.id}", f"image:{people.older.id}"}


async def test_without_ready_image_none_is_promoted(people: People) -> None:
    await Image.filter(id=people.older.id).update(state=ImageState.REMOVED)

    await active_image.reassign_image(people.image, await _other(people), actor=SERVICE)

    assert await _desired(people.workstation) == []


async def test_reassigning_inactive_image_keeps_active_image(people: People) -> None:
    await active_image.reassign_image(people.older, await _other(people), actor=SERVICE)

    assert await _desired(people.workstation) == [people.image.id]


async def test_sessions_of_reassigned_image_continue(people: People) -> None:
    await active_image.reassign_image(people.image, await _other(people), actor=SERVICE)

    session = await Session.get(id=people.session.id)
    assert (session.state, session.image_id) == (SessionState.RUNNING, people.image.id)


async def test_reassignment_needs_ready_image_and_another_workstation(people: People) -> None:
    with pytest.raises(Conflict, match="failed"):
        await active_image.reassign_image(people.broken, await _other(people), actor=SERVICE)
    with pytest.raises(BadInput, match="already"):
        await active_image.reassign_image(people.image, people.workstation, actor=SERVICE)
    stale = await Image.get(id=people.older.id)
    await Image.filter(id=stale.id).update(state=ImageState.QUEUED)
    with pytest.raises(Conflict, match="Another request"):
        await active_image.reassign_image(stale, await Workstation.get(slug="another"), actor=SERVICE)

    assert await Image.filter(workstation_id=people.workstation.id).count() == 3


async def test_concurrent_activations_leave_one_desired(people: People) -> None:
    rows = [await Image.create(workstation=people.workstation, state=ImageState.READY) for _ in range(5)]

    await asyncio.gather(*(active_image.activate(row, actor=SERVICE) for row in rows))

    assert len(await _desired(people.workstation)) == 1


async def test_ports_path_and_comment_can_be_changed(people: People) -> None:
    await Image.filter(id=people.image.id).update(exposed_ports=[8080, 9000, 9001])
    image = await Image.get(id=people.image.id)
    changes = {"http_port": 9000, "websocket_port": 9001, "initial_path": "lab", "comment": "v2"}

    await images.update(image, changes, actor=await people.actor("editor"))

    reloaded = await Image.get(id=image.id)
    assert {name: getattr(reloaded, name) for name in changes} == changes
    entry = await HistoryEntry.get(resource="image", object_id=image.id, action="update")
    assert (entry.actor_id, entry.detail) == (people.users["editor"].id, changes)


async def test_ready_image_allows_declared_ports_only(people: People) -> None:
    await Image.filter(id=people.image.id).update(exposed_ports=[8080])
    for name, field in images.PORTS.items():
        with pytest.raises(BadInput, match="declares: 8080") as caught:
            await images.update(await Image.get(id=people.image.id), {name: 9000}, actor=SERVICE)
        assert caught.value.path == (field,)


async def test_ports_are_fixed_during_the_import(people: People) -> None:
    await Image.filter(id=people.image.id).update(state=ImageState.IMPORTING)
    image = await Image.get(id=people.image.id)

    with pytest.raises(Conflict, match="being imported"):
        await images.update(image, {"http_port": 9000}, actor=SERVICE)
    await images.update(image, {"comment": "soon"}, actor=SERVICE)

    assert ((await Image.get(id=image.id)).http_port, image.comment) == (8080, "soon")
