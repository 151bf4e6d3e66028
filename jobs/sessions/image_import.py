"""The job that imports an image: checks the uploaded archive, loads it into the engine and records its manifest.

The archive is streamed; it is never kept in memory or written to disk.
"""

import logging
from collections.abc import Mapping
from typing import Any

from core import image_archive
from core.database.connection import transaction
from core.engine.protocol import EngineImage, EngineRefused
from core.errors import BadInput, Conflict, NotFound
from core.image_archive import ArchiveRefused, ImageManifest
from jobs.context import RegionContext
from jobs.lease_renewal import run_with_lease
from models.data.uploads import Upload
from models.services.sessions import images, session_queue
from models.services.sessions.images import MAX_IMPORT_ATTEMPTS, ImportedImage
from models.sessions.images import Image

log = logging.getLogger(__name__)


async def image_import(context: Mapping[str, Any], image_id: int) -> None:
    """Import a queued image, or record in one sentence why it is refused; idempotent."""
    region_context: RegionContext = context["region_context"]
    image = await images.claim_import(image_id, region_context.settings)
    if image is None:
        return
    try:
        await run_with_lease(
            _import(region_context, image),
            lambda: images.renew(image, region_context.settings),
            region_context.settings.lease_seconds / 3,
            name=f"image-{image.id}",
        )
    except Conflict:
        log.info("image %d: another worker has taken over", image.id)
    except (ArchiveRefused, BadInput, EngineRefused, NotFound) as refusal:
        await images.fail_import(image, refusal.message)
    except Exception:
        if image.attempts >= MAX_IMPORT_ATTEMPTS:
            await images.fail_import(
                image, f"The import failed {MAX_IMPORT_ATTEMPTS} times because of an internal error (see the log)."
            )
        raise


async def _import(region_context: RegionContext, image: Image) -> None:
    await _finish(image, await _load(region_context, image))


async def _load(region_context: RegionContext, image: Image) -> ImportedImage:
    upload = await Upload.get_or_none(id=image.upload_id)
    if upload is None:
        raise NotFound("The uploaded archive is gone; upload it again.")
    manifest = await image_archive.inspect(region_context.storage.get(upload.storage_key))
    _check_ports(image, manifest)
    tag = f"carrel-imported/{region_context.settings.instance}:image-{image.id}"
    loaded = await region_context.engine.load(
        image_archive.retagged(region_context.storage.get(upload.storage_key), tag)
    )
    engine_image = await region_context.engine.image(loaded)
    if engine_image is None:
        raise EngineRefused("The engine loaded the image but does not list it; try again.")
    await _check_platform(region_context, manifest, engine_image)
    return ImportedImage(
        digest=manifest.image_id,
        reference=engine_image.id,
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


async def _check_platform(region_context: RegionContext, manifest: ImageManifest, engine_image: EngineImage) -> None:
    if engine_image.id not in (manifest.image_id, *manifest.manifest_digests):
        raise EngineRefused(
            "The loaded image differs from the archive's manifest; save the image again with docker save."
        )
    native = await region_context.engine.architecture()
    if native != manifest.architecture:
        raise BadInput(f"The image is built for {manifest.architecture}; this region runs {native}.")


async def _finish(image: Image, found: ImportedImage) -> None:
    async with transaction():
        await images.finish_import(image, found)
        await session_queue.enqueue_waiting_for_image(image.id)
