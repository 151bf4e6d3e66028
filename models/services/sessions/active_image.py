"""The active image of a workstation, which new sessions run. At most one image of a workstation is desired."""

from typing import Any

from core.database.connection import transaction
from core.errors import BadInput, Conflict
from models.accounts.roles import Resource
from models.permissions.principal import Actor
from models.services.accounts import history
from models.services.transitions import publish_change
from models.sessions.images import Image, ImageState
from models.sessions.workstations import Workstation


async def activate(image: Image, *, actor: Actor) -> None:
    """Make this the image that new sessions of its workstation run."""
    _require_ready(image)
    async with transaction():
        await deactivate_others(image)
        if not await Image.filter(id=image.id, state=ImageState.READY).update(is_desired=True):
            raise Conflict("Another request changed the image. Read it again.")
        await history.record(Resource.IMAGE, image.id, "make_desired", actor)
        publish_change(image)
    image.is_desired = True


async def deactivate_others(image: Image) -> None:
    """Clear `is_desired` on the other images of the workstation, in the open transaction."""
    # The lock on the workstation serializes activations, so that two images cannot both become desired.
    await _lock(image.workstation_id)
    others = Image.filter(workstation_id=image.workstation_id, is_desired=True).exclude(id=image.id)
    await others.update(is_desired=False)


async def reassign_image(image: Image, to: Workstation, *, actor: Actor) -> None:
    """Move a ready image to another workstation and activate it there. Its sessions keep running.

    The newest ready image becomes the active one of the former workstation.
    """
    _require_ready(image)
    if to.id == image.workstation_id:
        raise BadInput("The image already belongs to this workstation. Name another one.", path=("workstationId",))
    before = image.workstation_id
    async with transaction():
        await _lock(before, to.id)
        rows = Image.filter(id=image.id, workstation_id=before, state=ImageState.READY)
        if not await rows.update(workstation_id=to.id, is_desired=True):
            raise Conflict("Another request changed the image. Read it again.")
        await Image.filter(workstation_id=to.id, is_desired=True).exclude(id=image.id).update(is_desired=False)
        await _promote_newest(before)
        detail: dict[str, Any] = {"fromWorkstation": before, "toWorkstation": to.id}
        await history.record(Resource.IMAGE, image.id, "change_workstation", actor, detail=detail)
        publish_change(image)
    image.update_from_dict({"workstation_id": to.id, "is_desired": True})


async def _promote_newest(workstation_id: int) -> None:
    if await Image.filter(workstation_id=workstation_id, is_desired=True).exists():
        return
    newest = await Image.filter(workstation_id=workstation_id, state=ImageState.READY).order_by("-id").first()
    if newest is not None:
        await Image.filter(id=newest.id).update(is_desired=True)
        publish_change(newest)


async def _lock(*workstation_ids: int) -> None:
    await Workstation.filter(id__in=sorted(workstation_ids)).order_by("id").select_for_update()


def _require_ready(image: Image) -> None:
    if image.state is not ImageState.READY:
        raise Conflict(f"The image is {image.state}. Only an image that is {ImageState.READY} can be used.")
