"""Resolvers of workstations and their images. `workstation_sharing` has their grants."""

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
    """Create a workstation."""
    await require(principal, Action.WORKSTATION_CREATE)
    return await workstations.create(
        title, actor=Actor.from_principal(principal), description=description, is_public=is_public
    )


async def update(
    principal: Principal, key: int, changes: Mapping[str, Any], expected_version: int | None
) -> Workstation:
    """Change a workstation; with `expected_version`, only if it was not changed since."""
    workstation = await visible(policy.readable(principal), key)
    await require(principal, Action.WORKSTATION_UPDATE, workstation)
    version = workstation.version if expected_version is None else expected_version
    await workstations.update(workstation, changes, version=version, actor=Actor.from_principal(principal))
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
    """Create an image of the workstation from an upload, and queue its import."""
    workstation = await visible(policy.readable(principal), workstation_id)
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


async def update_image(principal: Principal, key: int, changes: Mapping[str, Any]) -> Image:
    """Change ports, initial path or comment of an image."""
    image = await visible(image_policy.readable(principal), key)
    await require(principal, Action.IMAGE_UPDATE, image)
    await images.update(image, changes, actor=Actor.from_principal(principal))
    return image


async def reassign_image(principal: Principal, key: int, workstation_id: int) -> Image:
    """Move an image to another workstation. The caller must be able to create images there."""
    image = await visible(image_policy.readable(principal), key)
    await require(principal, Action.IMAGE_MOVE, image)
    workstation = await visible(policy.readable(principal), workstation_id)
    await require(principal, Action.IMAGE_CREATE, workstation)
    await active_image.reassign_image(image, workstation, actor=Actor.from_principal(principal))
    return image


async def make_image_desired(principal: Principal, key: int) -> Image:
    """Make this the image that new sessions run."""
    image = await visible(image_policy.readable(principal), key)
    await require(principal, Action.IMAGE_MAKE_DESIRED, image)
    await active_image.activate(image, actor=Actor.from_principal(principal))
    return image
