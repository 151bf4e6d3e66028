"""Answer what is asked of workstations and their images; who shares them is asked in `workstation_users`."""

from collections.abc import Mapping
from typing import Any

from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.policies.authorization import Action
from models.policies.data import uploads as upload_policy
from models.policies.sessions import images as image_policy
from models.policies.sessions import workstations as policy
from models.services.sessions import active_image, images, regions, workstations
from models.sessions.images import Image
from models.sessions.workstations import Workstation
from resolvers.guards import require, visible


async def create(principal: Principal, title: str, description: str, is_public: bool) -> Workstation:
    """Make a workstation."""
    await require(principal, Action.WORKSTATION_CREATE)
    return await workstations.create(title, actor=Actor.of(principal), description=description, is_public=is_public)


async def update(
    principal: Principal, key: int, changes: Mapping[str, Any], expected_version: int | None
) -> Workstation:
    """Change a workstation; with `expected_version`, only if nobody changed it since."""
    workstation = await visible(policy.readable(principal), key)
    await require(principal, Action.WORKSTATION_UPDATE, workstation)
    version = workstation.version if expected_version is None else expected_version
    await workstations.update(workstation, changes, version=version, actor=Actor.of(principal))
    return workstation


async def create_image(
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
    """Queue the import of an upload as an image of the workstation."""
    workstation = await visible(policy.readable(principal), workstation_id)
    await require(principal, Action.IMAGE_CREATE, workstation)
    upload = await visible(upload_policy.readable(principal), upload_id)
    where = await regions.named(region)
    return await images.create(
        workstation,
        upload,
        actor=Actor.of(principal),
        region=where.name,
        http_port=http_port,
        websocket_port=websocket_port,
        initial_path=initial_path,
        comment=comment,
        is_desired=is_desired,
    )


async def update_image(principal: Principal, key: int, changes: Mapping[str, Any]) -> Image:
    """Change ports, initial path or comment of an image."""
    image = await visible(image_policy.readable(principal), key)
    await require(principal, Action.IMAGE_UPDATE, image)
    await images.update(image, changes, actor=Actor.of(principal))
    return image


async def move_image(principal: Principal, key: int, workstation_id: int) -> Image:
    """Give an image to another workstation, for which the caller may bring images."""
    image = await visible(image_policy.readable(principal), key)
    await require(principal, Action.IMAGE_MOVE, image)
    workstation = await visible(policy.readable(principal), workstation_id)
    await require(principal, Action.IMAGE_CREATE, workstation)
    await active_image.move(image, workstation, actor=Actor.of(principal))
    return image


async def make_image_desired(principal: Principal, key: int) -> Image:
    """Let new sessions run this image."""
    image = await visible(image_policy.readable(principal), key)
    await require(principal, Action.IMAGE_MAKE_DESIRED, image)
    await active_image.choose(image, actor=Actor.of(principal))
    return image
