"""Resolvers of images: import, change and reassign them, and read one for a subscription."""

from collections.abc import Mapping
from typing import Any

from models.permissions.principal import Actor, Principal
from models.policies.authorization import Action
from models.policies.data import uploads as upload_policy
from models.policies.sessions import images as policy
from models.policies.sessions import workstations as workstation_policy
from models.services.sessions import active_image, images, regions
from models.sessions.images import Image
from resolvers.app_state import AppState
from resolvers.guards import require, visible
from resolvers.row_reader import RowReader

STREAMED_FIELDS = ("state", "reason", "is_desired", "workstation_id", *images.EDITABLE)

reader = RowReader(policy.readable)


def version_of(image: Image) -> tuple[object, ...]:
    """Return the values whose change sends a new event to subscriptions."""
    return tuple(getattr(image, name) for name in STREAMED_FIELDS)


async def read_live(app_state: AppState, principal: Principal, key: int) -> Image | None:
    """Return the current image; None if the principal cannot see it. Concurrent subscribers share the read."""
    return await app_state.live_rows.row(policy.IMAGES, principal, key)


async def create(
    principal: Principal,
    workstation_id: int,
    upload_id: int,
    *,
    region: str | None,
    http_port: int,
    websocket_port: int | None,
    initial_path: str,
    comment: str,
    is_desired: bool,
) -> Image:
    """Create an image of the workstation from an upload, and queue its import."""
    workstation = await visible(workstation_policy.readable(principal), workstation_id)
    await require(principal, Action.IMAGE_CREATE, workstation)
    upload = await visible(upload_policy.readable(principal), upload_id)
    region_row = await regions.get_by_name(region)
    return await images.create(
        workstation,
        upload,
        actor=Actor.from_principal(principal),
        region=region_row.name,
        http_port=http_port,
        websocket_port=websocket_port,
        initial_path=initial_path,
        comment=comment,
        is_desired=is_desired,
    )


async def update(principal: Principal, key: int, changes: Mapping[str, Any]) -> Image:
    """Change ports, initial path or comment of an image."""
    image = await visible(policy.readable(principal), key)
    await require(principal, Action.IMAGE_UPDATE, image)
    await images.update(image, changes, actor=Actor.from_principal(principal))
    return image


async def reassign(principal: Principal, key: int, workstation_id: int) -> Image:
    """Move an image to another workstation. The caller must be able to create images there."""
    image = await visible(policy.readable(principal), key)
    await require(principal, Action.IMAGE_MOVE, image)
    workstation = await visible(workstation_policy.readable(principal), workstation_id)
    await require(principal, Action.IMAGE_CREATE, workstation)
    await active_image.reassign_image(image, workstation, actor=Actor.from_principal(principal))
    return image


async def make_desired(principal: Principal, key: int) -> Image:
    """Make this the image that new sessions run."""
    image = await visible(policy.readable(principal), key)
    await require(principal, Action.IMAGE_MAKE_DESIRED, image)
    await active_image.activate(image, actor=Actor.from_principal(principal))
    return image
