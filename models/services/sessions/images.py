"""Images: create, edit, claim for import, and record the outcome of the import."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.clock import now
from core.database import leases
from core.database.connection import transaction
from core.errors import BadInput, Conflict
from core.messaging import outbox
from core.queue import Job, import_queue
from core.settings import Settings
from models.accounts.roles import Resource
from models.data.uploads import Upload, UploadState
from models.permissions.principal import SERVICE, Actor
from models.services.accounts import history
from models.services.sessions import active_image
from models.services.transitions import publish_change, transition
from models.sessions.images import Image, ImageState
from models.sessions.workstations import Workstation

PATH = re.compile(r"[^/\s][^\s]*")
MAX_PATH_LENGTH = 256
MAX_PORT = 65_535
MAX_IMPORT_ATTEMPTS = 5
PORTS = {"http_port": "httpPort", "websocket_port": "websocketPort"}
EDITABLE = (*PORTS, "initial_path", "comment")


@dataclass(frozen=True)
class ImportedImage:
    """The outcome of an import: the computed digest, the engine's reference and the image's properties."""

    digest: str
    reference: str
    architecture: str
    user: str
    exposed_ports: tuple[int, ...]
    size_bytes: int


async def create(
    workstation: Workstation,
    upload: Upload,
    *,
    actor: Actor,
    region: str,
    http_port: int = 8080,
    websocket_port: int | None = None,
    initial_path: str = "",
    comment: str = "",
    is_desired: bool = True,
) -> Image:
    """Create an image of the workstation from a complete upload, and queue its import."""
    _check(http_port, websocket_port, initial_path, comment)
    async with transaction():
        if not await Upload.filter(id=upload.id, state=UploadState.COMPLETE).update(state=UploadState.USED):
            raise BadInput("This upload is incomplete or already used. Create another one.", path=("uploadId",))
        image = await Image.create(
            workstation_id=workstation.id,
            creator_id=actor.user_id,
            upload_id=upload.id,
            http_port=http_port,
            websocket_port=websocket_port,
            initial_path=initial_path,
            comment=comment,
            is_desired=is_desired,
            archive_bytes=upload.size_bytes,
        )
        await history.record(Resource.IMAGE, image.id, "create", actor, to_state=image.state)
        enqueue_import(image, region)
    return image


def _check(http_port: int, websocket_port: int | None, initial_path: str, comment: str) -> None:
    _check_port(http_port, "httpPort")
    if websocket_port is not None:
        _check_port(websocket_port, "websocketPort")
    too_long = len(initial_path) > MAX_PATH_LENGTH
    if initial_path and (not PATH.fullmatch(initial_path) or too_long or not initial_path.isprintable()):
        raise BadInput(
            f"An initial path has at most {MAX_PATH_LENGTH} printable characters, no leading slash and no spaces.",
            path=("initialPath",),
        )
    if "\0" in comment:
        raise BadInput("A comment cannot contain zero bytes.", path=("comment",))


def _check_port(port: int, field: str) -> None:
    if not 1 <= port <= MAX_PORT:
        raise BadInput(f"A port is a number from 1 to {MAX_PORT}.", path=(field,))


async def update(image: Image, changes: Mapping[str, Any], *, actor: Actor) -> None:
    """Change ports, initial path or comment.

    A new path applies to running sessions as well, new ports to later sessions. A ready image must declare the ports.
    """
    if not changes:
        return
    _check(**{name: changes.get(name, getattr(image, name)) for name in EDITABLE})
    if not PORTS.keys().isdisjoint(changes):
        _check_declared(image, changes)
    async with transaction():
        if not await Image.filter(id=image.id, state=image.state).update(**changes):
            raise Conflict("Another request changed the image. Read it again.")
        await history.record(Resource.IMAGE, image.id, "update", actor, detail=dict(changes))
        publish_change(image)
    image.update_from_dict(dict(changes))


def _check_declared(image: Image, changes: Mapping[str, Any]) -> None:
    if image.state is ImageState.IMPORTING:
        raise Conflict("The image is being imported. Change its ports after the import.")
    for name, field in PORTS.items():
        port = changes.get(name)
        if image.state is ImageState.READY and port not in (None, getattr(image, name), *image.exposed_ports):
            declared = ", ".join(map(str, image.exposed_ports)) or "none"
            raise BadInput(f"The image does not declare port {port}. It declares: {declared}.", path=(field,))


def enqueue_import(image: Image, region: str) -> None:
    """Enqueue the import in the open transaction."""
    key = f"image:{image.id}:{image.fence}"
    outbox.enqueue(Job.IMAGE_IMPORT, image.id, queue=import_queue(region), key=key)


async def claim_import(image_id: int, settings: Settings) -> Image | None:
    """Claim a queued image, or one whose importer's lease has expired; None if there is no work."""
    until = leases.expiry(settings.lease_seconds)
    image = await Image.get_or_none(id=image_id)
    if image is None:
        return None
    if image.state is not ImageState.QUEUED:
        return await leases.claim(Image, {"id": image_id, "state": ImageState.IMPORTING}, until, counter="attempts")
    changes = {**leases.new_claim(image, until), "attempts": image.attempts + 1}
    try:
        await transition(image, ImageState.IMPORTING, SERVICE, expected_fence=image.fence, **changes)
    except Conflict:
        return None
    return image


async def renew(image: Image, settings: Settings) -> bool:
    """Renew the lease; False if the claim was lost and the import must end."""
    return await leases.renew(image, ImageState.IMPORTING, leases.expiry(settings.lease_seconds))


async def finish_import(image: Image, imported: ImportedImage) -> None:
    """Record a successful import. If the image is desired, new sessions run it."""
    async with transaction():
        await transition(
            image,
            ImageState.READY,
            SERVICE,
            expected_fence=image.fence,
            reason="",
            lease_until=None,
            attempts=0,
            ready_at=now(),
            digest=imported.digest,
            reference=imported.reference,
            architecture=imported.architecture,
            image_user=imported.user,
            exposed_ports=list(imported.exposed_ports),
            size_bytes=imported.size_bytes,
        )
        if image.is_desired:
            await active_image.deactivate_others(image)


async def fail_import(image: Image, reason: str) -> None:
    """Record why an import failed. The image is no longer desired; the former active image stays.

    Its upload can be used again, for example with other ports. Otherwise it is deleted when it expires.
    """
    async with transaction():
        await transition(
            image,
            ImageState.FAILED,
            SERVICE,
            cause=reason,
            expected_fence=image.fence,
            reason=reason,
            lease_until=None,
            is_desired=False,
        )
        used = Upload.filter(id=image.upload_id, state=UploadState.USED)
        await used.update(state=UploadState.COMPLETE)


async def reimport(image: Image, region: str) -> None:
    """Queue the import of a ready image again, because the engine has lost it."""
    async with transaction():
        await transition(image, ImageState.QUEUED, SERVICE, cause="the engine has lost the image")
        enqueue_import(image, region)
