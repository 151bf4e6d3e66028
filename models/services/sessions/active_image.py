"""Which image of a workstation new sessions run: one at most, the desired one; and images that move between them."""

from typing import Any

from core.database.connection import transaction
from core.errors import BadInput, Conflict
from core.messaging import outbox
from models.accounts.roles import Resource
from models.permissions.actor import Actor
from models.services.accounts import history
from models.sessions.images import Image, ImageState
from models.sessions.workstations import Workstation


async def choose(image: Image, *, actor: Actor) -> None:
    """Let new sessions of the workstation run this image."""
    _require_ready(image)
    async with transaction():
        await prefer(image)
        if not await Image.filter(id=image.id, state=ImageState.READY).update(is_desired=True):
            raise Conflict("The image changed meanwhile; read it again.")
        await history.record(Resource.IMAGE, image.id, "make_desired", actor)
        outbox.publish(f"image:{image.id}")
    image.is_desired = True


async def prefer(image: Image) -> None:
    """Let no other image of the image's workstation be desired; one transaction at a time decides for a workstation."""
    await _lock(image.workstation_id)
    others = Image.filter(workstation_id=image.workstation_id, is_desired=True).exclude(id=image.id)
    await others.update(is_desired=False)


async def move(image: Image, to: Workstation, *, actor: Actor) -> None:
    """Give a ready image to another workstation, which runs it from now on; its sessions go on.

    Where it was desired, the newest other ready image takes its place, or none.
    """
    _require_ready(image)
    if to.id == image.workstation_id:
        raise BadInput("It is an image of this workstation already.", path=("workstationId",))
    before = image.workstation_id
    async with transaction():
        await _lock(before, to.id)
        rows = Image.filter(id=image.id, workstation_id=before, state=ImageState.READY)
        if not await rows.update(workstation_id=to.id, is_desired=True):
            raise Conflict("The image changed meanwhile; read it again.")
        await Image.filter(workstation_id=to.id, is_desired=True).exclude(id=image.id).update(is_desired=False)
        await _succeed(before)
        detail: dict[str, Any] = {"fromWorkstation": before, "toWorkstation": to.id}
        await history.record(Resource.IMAGE, image.id, "change_workstation", actor, detail=detail)
        outbox.publish(f"image:{image.id}")
    image.update_from_dict({"workstation_id": to.id, "is_desired": True})


async def _succeed(workstation_id: int) -> None:
    """Let the newest ready image be the desired one where there is none any more."""
    if await Image.filter(workstation_id=workstation_id, is_desired=True).exists():
        return
    newest = await Image.filter(workstation_id=workstation_id, state=ImageState.READY).order_by("-id").first()
    if newest is not None:
        await Image.filter(id=newest.id).update(is_desired=True)
        outbox.publish(f"image:{newest.id}")


async def _lock(*workstation_ids: int) -> None:
    await Workstation.filter(id__in=sorted(workstation_ids)).order_by("id").select_for_update()


def _require_ready(image: Image) -> None:
    if image.state is not ImageState.READY:
        raise Conflict(f"The image is {image.state}; only a ready one can be used.")
