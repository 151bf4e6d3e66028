"""Image imports: valid archives become READY, invalid ones get a reason, and dead workers are replaced."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from core.clock import now
from core.engine.fake.engine import FaultProfile
from core.errors import Conflict
from jobs.periodic import sweep
from jobs.sessions.image_import import image_import
from models.accounts.history import HistoryEntry
from models.data.uploads import Upload, UploadState
from models.permissions.principal import SERVICE
from models.services.sessions import images
from models.services.sessions.images import MAX_IMPORT_ATTEMPTS, ImportedImage
from models.services.transitions import transition
from models.sessions.images import Image, ImageState
from models.sessions.sessions import SessionState
from tests.core.sample_archives import Recipe, stream, tar
from tests.jobs.conftest import JobEnv
from tests.waiting import eventually

Bring = Callable[..., Awaitable[Image]]


@pytest.fixture
def bring(job_env: JobEnv) -> Bring:
    """Queue the import of an archive."""
    job_env.engine._strict_images = True

    async def bring(content: bytes, **options: int) -> Image:
        upload = await Upload.create(
            creator_id=job_env.principal.user_id,
            filename="a.tar",
            storage_key=f"uploads/{len(content)}",
            expires_at=now() + timedelta(days=1),
            state=UploadState.USED,
        )
        await job_env.services.storage.put(upload.storage_key, stream(content), limit=None)
        defaults: dict[str, object] = {"workstation_id": job_env.image.workstation_id, "is_desired": True}
        return await Image.create(upload=upload, **{**defaults, **options})

    return bring


async def _read(image: Image) -> Image:
    return await Image.get(id=image.id)


@pytest.mark.parametrize("layout", ["docker", "oci"])
async def test_valid_archive_becomes_active_image(job_env: JobEnv, bring: Bring, layout: str) -> None:
    recipe = Recipe()
    image = await bring(tar(recipe.docker() if layout == "docker" else recipe.oci()), websocket_port=4114)

    await image_import(job_env.context, image.id)

    row = await _read(image)
    assert (row.state, row.reason, row.digest) == (ImageState.READY, "", recipe.image_id)
    assert (row.architecture, row.image_user, row.lease_until) == ("amd64", "1000:1000", None)
    assert set(row.exposed_ports) >= {8080, 4114}
    assert row.size_bytes
    assert await job_env.engine.image(row.reference or "")
    assert not (await _read(job_env.image)).is_desired, "its predecessor gave way"
    moves = (
        await HistoryEntry.filter(resource="image", object_id=image.id)
        .order_by("id")
        .values_list("to_state", flat=True)
    )
    assert moves == ["importing", "ready"]


def _root() -> bytes:
    recipe = Recipe()
    recipe.run["User"] = "0"
    return tar(recipe.docker())


def _foreign() -> bytes:
    return tar(Recipe(top={"os": "linux", "architecture": "arm64"}).docker())


def _tampered() -> bytes:
    files = Recipe().docker()
    name = next(name for name in files if name.endswith(".json") and name != "manifest.json")
    return tar({**files, name: files[name] + b" "})


BAD: dict[str, tuple[Callable[[], bytes], dict[str, int], str]] = {
    "not a tar": (lambda: b"hello " * 5000, {}, ""),
    "nothing": (lambda: b"", {}, ""),
    "cut short": (lambda: tar(Recipe().docker())[:3000], {}, ""),
    "without a manifest": (lambda: tar({"readme": b"hello"}), {}, "manifest"),
    "tampered": (_tampered, {}, ""),
    "root": (_root, {}, "root"),
    "another architecture": (_foreign, {}, "arm64"),
    "port not declared": (lambda: tar(Recipe().docker()), {"http_port": 9000}, "9000"),
    "websocket port not declared": (lambda: tar(Recipe().docker()), {"websocket_port": 9001}, "9001"),
    "port of another protocol": (lambda: tar(Recipe().docker()), {"http_port": 53}, "53"),
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", BAD)
async def test_invalid_archive_gets_reason_and_active_image_stays(job_env: JobEnv, bring: Bring, name: str) -> None:
    make, options, word = BAD[name]
    image = await bring(make(), **options)

    await image_import(job_env.context, image.id)

    row = await _read(image)
    assert row.state is ImageState.FAILED
    assert word in row.reason
    assert row.reason.endswith(".")
    assert "\n" not in row.reason
    assert not row.is_desired
    assert (await _read(job_env.image)).is_desired
    assert row.reference is None


async def test_missing_archive_is_reported(job_env: JobEnv, bring: Bring) -> None:
    image = await bring(tar(Recipe().docker()))
    upload = await Upload.get(id=image.upload_id)
    await job_env.services.storage.delete(upload.storage_key)

    await image_import(job_env.context, image.id)

    assert (await _read(image)).state is ImageState.FAILED


async def test_import_is_idempotent(job_env: JobEnv, bring: Bring) -> None:
    image = await bring(tar(Recipe().docker()))

    await asyncio.gather(image_import(job_env.context, image.id), image_import(job_env.context, image.id))
    await image_import(job_env.context, image.id)

    row = await _read(image)
    assert (row.state, row.fence) == (ImageState.READY, 1)


async def test_import_of_dead_worker_is_taken_over(job_env: JobEnv, bring: Bring) -> None:
    image = await bring(tar(Recipe().docker()))
    dead = await images.claim_import(image.id, job_env.services.settings)
    assert dead
    await image_import(job_env.context, image.id)
    assert (await _read(image)).state is ImageState.IMPORTING, "the lease still runs"

    await Image.filter(id=image.id).update(lease_until=now() - timedelta(seconds=1))
    await image_import(job_env.context, image.id)

    assert (await _read(image)).state is ImageState.READY
    found = ImportedImage("sha256:x", "late:1", "amd64", "1000", (8080,), 1)
    with pytest.raises(Conflict):
        await images.finish_import(dead, found)
    assert (await _read(image)).reference != "late:1"


async def test_long_import_renews_its_lease(job_env: JobEnv, bring: Bring) -> None:
    image = await bring(tar(Recipe().docker()))
    job_env.engine.faults = FaultProfile(call_seconds=0.6)
    working = asyncio.create_task(image_import(job_env.context, image.id))
    await eventually(lambda: _in_state(image, ImageState.IMPORTING))

    stolen = []
    while not working.done():
        stolen.append(await images.claim_import(image.id, job_env.services.settings))
        await asyncio.sleep(0.1)
    await working

    assert not any(stolen)
    assert (await _read(image)).state is ImageState.READY


async def _in_state(image: Image, state: ImageState) -> bool:
    return (await _read(image)).state is state


async def test_worker_with_lost_claim_stops_import(job_env: JobEnv, bring: Bring) -> None:
    image = await bring(tar(Recipe().docker()))
    job_env.engine.faults = FaultProfile(call_seconds=3)
    working = asyncio.create_task(image_import(job_env.context, image.id))
    await eventually(lambda: _in_state(image, ImageState.IMPORTING))

    await Image.filter(id=image.id).update(fence=99)

    await asyncio.wait_for(working, 3)
    assert (await _read(image)).state is ImageState.IMPORTING


async def test_import_fails_after_five_attempts_without_engine(job_env: JobEnv, bring: Bring) -> None:
    image = await bring(tar(Recipe().docker()))
    job_env.engine.faults = FaultProfile(unreachable=True)

    for _ in range(MAX_IMPORT_ATTEMPTS):
        assert (await _read(image)).state is not ImageState.FAILED
        await asyncio.gather(image_import(job_env.context, image.id), return_exceptions=True)
        await Image.filter(id=image.id).update(lease_until=now() - timedelta(seconds=1))

    row = await _read(image)
    assert row.state is ImageState.FAILED
    assert str(MAX_IMPORT_ATTEMPTS) in row.reason
    assert row.attempts == MAX_IMPORT_ATTEMPTS


async def test_successful_import_resets_its_attempts(job_env: JobEnv, bring: Bring) -> None:
    image = await bring(tar(Recipe().docker()))
    await Image.filter(id=image.id).update(attempts=MAX_IMPORT_ATTEMPTS - 1)

    await image_import(job_env.context, image.id)

    row = await _read(image)
    assert (row.state, row.attempts) == (ImageState.READY, 0)


async def test_next_worker_retries_failed_import(job_env: JobEnv, bring: Bring) -> None:
    image = await bring(tar(Recipe().docker()))
    job_env.engine.faults = FaultProfile(unreachable=True)
    await asyncio.gather(image_import(job_env.context, image.id), return_exceptions=True)
    job_env.engine.faults = FaultProfile()
    await Image.filter(id=image.id).update(lease_until=now() - timedelta(seconds=1))

    await sweep(job_env.region_context)
    await image_import(job_env.context, image.id)

    assert (await _read(image)).state is ImageState.READY


async def test_sessions_waiting_for_image_are_enqueued(job_env: JobEnv, bring: Bring) -> None:
    image = await bring(tar(Recipe().docker()))
    await Image.filter(id=job_env.image.id).update(state=ImageState.QUEUED, upload_id=image.upload_id)
    session = await job_env.launch()
    before = await job_env.services.queue.depth("carrel:local")

    await image_import(job_env.context, job_env.image.id)

    assert (await job_env.read(session)).state is SessionState.QUEUED
    assert await job_env.services.queue.depth("carrel:local") >= max(before, 1)


async def test_image_removed_during_import_is_left_alone(job_env: JobEnv, bring: Bring) -> None:
    image = await bring(tar(Recipe().docker()))
    await transition(image, ImageState.REMOVED, SERVICE)

    await image_import(job_env.context, image.id)
    await image_import(job_env.context, 10_000)

    assert (await _read(image)).state is ImageState.REMOVED
