"""Import images: check the uploaded archive while it streams, give it to the engine, record what was found."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from core import image_archive
from core.clock import now
from core.database.connection import transaction
from core.engine.protocol import EngineImage, EngineRefused
from core.errors import BadInput, Conflict, NotFound
from core.image_archive import ArchiveRefused, ImageManifest
from jobs.context import Runtime, runtime_of
from models.data.uploads import Upload
from models.services.sessions import images, session_queue
from models.services.sessions.images import ATTEMPTS, Imported
from models.sessions.images import Image

log = logging.getLogger(__name__)


async def image_import(context: Mapping[str, Any], image_id: int) -> None:
    """Import a waiting image; what is wrong with it is one sentence on the row. Harmless twice."""
    runtime = runtime_of(context)
    image = await images.claim_import(image_id, runtime.settings)
    if image is None:
        return
    try:
        async with _held(runtime, image):
            found = await _import(runtime, image)
            await _finish(image, found)
    except Conflict:
        log.info("image %d: another worker has taken over", image.id)
    except (ArchiveRefused, BadInput, EngineRefused, NotFound) as refusal:
        await images.fail_import(image, refusal.message)
    except Exception:
        if image.attempts >= ATTEMPTS:
            await images.fail_import(image, f"The import failed {ATTEMPTS} times for a reason of ours; it is logged.")
        raise


@asynccontextmanager
async def _held(runtime: Runtime, image: Image) -> AsyncIterator[None]:
    """Prolong the lease while the work goes on; the work is cancelled when the claim is lost."""
    work = asyncio.current_task()
    lost = False

    async def beat() -> None:
        nonlocal lost
        while True:
            await asyncio.sleep(runtime.settings.lease_seconds / 3)
            if not await images.renew(image, now() + runtime.settings.lease):
                lost = True
                if work:
                    work.cancel()
                return

    heart = asyncio.create_task(beat(), name=f"image-{image.id}-lease")
    try:
        yield
    except asyncio.CancelledError:
        if lost:
            raise Conflict from None
        raise
    finally:
        heart.cancel()


async def _import(runtime: Runtime, image: Image) -> Imported:
    upload = await Upload.get_or_none(id=image.upload_id)
    if upload is None:
        raise NotFound("The uploaded archive is gone; upload it again.")
    manifest = await image_archive.inspect(runtime.storage.get(upload.storage_key))
    _check_ports(image, manifest)
    tag = f"carrel-imported/{runtime.settings.instance}:image-{image.id}"
    loaded = await runtime.engine.load(image_archive.retagged(runtime.storage.get(upload.storage_key), tag))
    held = await runtime.engine.image(loaded)
    if held is None:
        raise EngineRefused("The engine took the image but does not show it; try again.")
    await _check_platform(runtime, manifest, held)
    return Imported(
        digest=manifest.image_id,
        reference=held.id,
        architecture=manifest.architecture,
        user=manifest.user,
        exposed_ports=manifest.exposed_ports,
        size_bytes=manifest.size_bytes,
    )


def _check_ports(image: Image, manifest: ImageManifest) -> None:
    declared = ", ".join(map(str, manifest.exposed_ports)) or "none"
    for port in (image.http_port, image.websocket_port):
        if port is not None and port not in manifest.exposed_ports:
            raise BadInput(
                f"The image does not declare port {port}; it declares {declared}. Choose one of these, or add EXPOSE."
            )


async def _check_platform(runtime: Runtime, manifest: ImageManifest, held: EngineImage) -> None:
    if held.id not in (manifest.image_id, *manifest.manifest_digests):
        raise EngineRefused("The engine made another image of the archive than it describes; save it again.")
    native = await runtime.engine.architecture()
    if native != manifest.architecture:
        raise BadInput(f"The image is built for {manifest.architecture}; this region runs {native}.")


async def _finish(image: Image, found: Imported) -> None:
    async with transaction():
        await images.finish_import(image, found)
        await session_queue.call_those_waiting_for(image.id)
