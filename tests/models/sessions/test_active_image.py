"""Which image new sessions run: one at most; images that move to another workstation, and what of them can change."""

import asyncio

import pytest

from core.errors import BadInput, Conflict
from core.messaging.outbox import OutboxMessage
from models.accounts.history import HistoryEntry
from models.permissions.actor import SERVICE
from models.services.sessions import active_image, images, workstations
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Session, SessionState
from models.sessions.workstations import Workstation
from tests.people import Cast


async def _desired(workstation: Workstation) -> list[int]:
    rows = Image.filter(workstation_id=workstation.id, is_desired=True).order_by("id")
    return [int(str(key)) for key in await rows.values_list("id", flat=True)]


async def _other(cast: Cast) -> Workstation:
    return await workstations.create("Another", actor=await cast.actor("owner"))


async def test_a_moved_image_is_desired_there_and_the_newest_other_one_here(cast: Cast) -> None:
    other = await _other(cast)
    theirs = await Image.create(workstation=other, state=ImageState.READY, is_desired=True)

    await active_image.move(cast.image, other, actor=await cast.actor("owner"))

    assert (await _desired(other), await _desired(cast.workstation)) == ([cast.image.id], [cast.older.id])
    assert not (await Image.get(id=theirs.id)).is_desired
    entry = await HistoryEntry.get(resource="image", object_id=cast.image.id, action="change_workstation")
    assert entry.detail == {"fromWorkstation": cast.workstation.id, "toWorkstation": other.id}
    assert entry.actor_id == cast.users["owner"].id
    topics = {message.name for message in await OutboxMessage.filter(kind="event")}
    assert topics >= {f"image:{cast.image.id}", f"image:{cast.older.id}"}


async def test_where_no_other_is_ready_none_is_desired(cast: Cast) -> None:
    await Image.filter(id=cast.older.id).update(state=ImageState.REMOVED)

    await active_image.move(cast.image, await _other(cast), actor=SERVICE)

    assert await _desired(cast.workstation) == []


async def test_one_that_was_not_desired_leaves_the_desired_one_in_its_place(cast: Cast) -> None:
    await active_image.move(cast.older, await _other(cast), actor=SERVICE)

    assert await _desired(cast.workstation) == [cast.image.id]


async def test_its_sessions_go_on(cast: Cast) -> None:
    await active_image.move(cast.image, await _other(cast), actor=SERVICE)

    session = await Session.get(id=cast.session.id)
    assert (session.state, session.image_id) == (SessionState.RUNNING, cast.image.id)


async def test_what_cannot_be_launched_is_not_moved_and_nothing_moves_nowhere(cast: Cast) -> None:
    with pytest.raises(Conflict, match="failed"):
        await active_image.move(cast.broken, await _other(cast), actor=SERVICE)
    with pytest.raises(BadInput, match="already"):
        await active_image.move(cast.image, cast.workstation, actor=SERVICE)
    stale = await Image.get(id=cast.older.id)
    await Image.filter(id=stale.id).update(state=ImageState.QUEUED)
    with pytest.raises(Conflict, match="meanwhile"):
        await active_image.move(stale, await Workstation.get(slug="another"), actor=SERVICE)

    assert await Image.filter(workstation_id=cast.workstation.id).count() == 3


async def test_many_choices_at_once_leave_one_desired(cast: Cast) -> None:
    rows = [await Image.create(workstation=cast.workstation, state=ImageState.READY) for _ in range(5)]

    await asyncio.gather(*(active_image.choose(row, actor=SERVICE) for row in rows))

    assert len(await _desired(cast.workstation)) == 1


async def test_ports_path_and_comment_can_change_later(cast: Cast) -> None:
    await Image.filter(id=cast.image.id).update(exposed_ports=[8080, 9000, 9001])
    image = await Image.get(id=cast.image.id)
    changes = {"http_port": 9000, "websocket_port": 9001, "initial_path": "lab", "comment": "v2"}

    await images.update(image, changes, actor=await cast.actor("editor"))

    kept = await Image.get(id=image.id)
    assert {name: getattr(kept, name) for name in changes} == changes
    entry = await HistoryEntry.get(resource="image", object_id=image.id, action="update")
    assert (entry.actor_id, entry.detail) == (cast.users["editor"].id, changes)


async def test_a_ready_image_has_no_port_that_it_does_not_declare(cast: Cast) -> None:
    await Image.filter(id=cast.image.id).update(exposed_ports=[8080])
    for name, field in images.PORTS.items():
        with pytest.raises(BadInput, match="declares 8080") as caught:
            await images.update(await Image.get(id=cast.image.id), {name: 9000}, actor=SERVICE)
        assert caught.value.path == (field,)


async def test_ports_stay_while_the_import_looks_at_them(cast: Cast) -> None:
    await Image.filter(id=cast.image.id).update(state=ImageState.IMPORTING)
    image = await Image.get(id=cast.image.id)

    with pytest.raises(Conflict, match="being imported"):
        await images.update(image, {"http_port": 9000}, actor=SERVICE)
    await images.update(image, {"comment": "soon"}, actor=SERVICE)

    assert ((await Image.get(id=image.id)).http_port, image.comment) == (8080, "soon")
