"""Sources of files: archive, storage and uploads, with the permissions of the requester."""

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import boto3
import pytest

from core.security.encryption import open_secret_box
from core.settings import Settings
from models.accounts.history import HistoryEntry
from models.accounts.roles import Grant, ObjectRole, Resource
from models.data.dataoperations import DataOperation, DataOperationState
from models.data.datasessions import DatasessionUpload
from models.data.source_credentials import SourceCredential
from models.data.uploads import Upload, UploadState
from models.services.data import dataoperations, datasessions, source_credentials, uploads
from tests.core.frames_server import Frames, frames_server
from tests.jobs.data.job_env import Data, frame
from tests.services.objects import s3_server

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TOKEN = "ada's own token"


@pytest.fixture
def frames() -> Iterator[Frames]:
    """An archive with three frames that only Ada may read."""
    with frames_server() as frames:
        for number in (1, 2, 9):
            frames.add(f"frame-{number}", frame(number), TOKEN)
        yield frames


@pytest.fixture
def settings(settings: Settings, frames: Frames, tmp_path: Path) -> Settings:
    """Settings with the archive, an allowed folder and a short time-out."""
    (tmp_path / "allowed").mkdir()
    return settings.model_copy(
        update={"archive_url": frames.url, "archive_seconds": 1.0, "data_prefixes": f"file://{tmp_path}/allowed"}
    )


def named(*numbers: int) -> list[dict[str, str]]:
    return [{"source": "archive", "basename": f"frame-{number}"} for number in numbers]


async def keep_token(data: Data, who: str = "ada", token: str = TOKEN) -> None:
    """Store a user's token of the archive."""
    await source_credentials.store(
        data.people[who].id,
        "archive",
        token,
        timedelta(hours=1),
        open_secret_box(data.settings),
        actor=await data.actor(who),
    )


async def test_frames_are_fetched_once_with_callers_token(data: Data, frames: Frames) -> None:
    await keep_token(data)

    rows = await asyncio.gather(*[data.run(await data.median(named(*pair))) for pair in ((1, 2), (1, 9), (2, 9))])

    assert [row.state for row in rows] == [DataOperationState.SUCCEEDED] * 3, [row.message for row in rows]
    assert frames.downloads == 3, "each frame is fetched once"


@SQLITE
async def test_cached_frame_requires_archive_permission(data: Data, frames: Frames) -> None:
    await keep_token(data)
    ada = await data.run(await data.median(named(1, 2)))
    assert ada.state is DataOperationState.SUCCEEDED
    theirs = await data.session_of("eve")

    row = await data.run(await data.median(named(1, 2), "eve", theirs))
    assert (row.state, row.result_id) == (DataOperationState.FAILED, None)
    assert re.search("no frame frame-[12] that you may read", row.message)
    frames.readers["frame-1"].add("eve's token")
    frames.readers["frame-2"].add("eve's token")
    await keep_token(data, "eve", "eve's token")

    row = await data.run(await data.median(named(1, 2), "eve", theirs))
    assert row.result_id == ada.result_id, "now she may, and the work is done already"
    assert frames.downloads == 2


@SQLITE
async def test_stored_token_is_encrypted_expires_and_stays_hidden(data: Data) -> None:
    await keep_token(data)

    rows = [await SourceCredential.all().values(), await HistoryEntry.all().values()]
    assert TOKEN not in str(rows)
    sealer, ada = open_secret_box(data.settings), data.people["ada"].id
    assert await source_credentials.read_token(ada, "archive", sealer) == TOKEN
    await SourceCredential.all().update(expires_at="2020-01-01T00:00:00+00:00")
    assert await source_credentials.read_token(ada, "archive", sealer) is None
    assert await source_credentials.purge() == 1


@SQLITE
async def test_unavailable_archive_is_retried(data: Data, frames: Frames) -> None:
    await keep_token(data)
    frames.failures = 1000

    row = await data.run(await data.median(named(1, 2)))

    assert (row.state, row.attempts) == (DataOperationState.QUEUED, 1)
    assert "answers with status 503" in row.message
    frames.failures = 0
    await DataOperation.filter(id=row.id).update(due_at=None)
    assert (await data.run(row)).state is DataOperationState.SUCCEEDED


@SQLITE
async def test_files_of_allowed_folder_are_read_fresh(data: Data, tmp_path: Path) -> None:
    places = [tmp_path / "allowed" / f"{number}.fits" for number in (1, 2)]
    for value, place in zip((3, 5), places, strict=True):
        place.write_bytes(frame(value))
    items = [{"source": "storage", "basename": f"file://{place}"} for place in places]
    first = await data.run(await data.median(items))
    assert first.state is DataOperationState.SUCCEEDED, first.message

    places[0].write_bytes(frame(7, (9, 9)))
    second = await data.run(await data.median(items))

    assert second.result_id != first.result_id


@SQLITE
async def test_damaged_or_missing_frame_is_one_sentence(data: Data, tmp_path: Path) -> None:
    place = tmp_path / "allowed" / "a.fits"
    place.write_bytes(frame(1)[:2000])
    items = [{"source": "storage", "basename": f"file://{place}"}, await data.upload(frame(2))]

    damaged = await data.run(await data.median(items))
    place.unlink()
    vanished = await data.run(await data.median(items))

    for row in (damaged, vanished):
        assert row.state is DataOperationState.FAILED
        assert row.message.endswith(".")
        assert "\n" not in row.message


class TestObjects:
    """Files in S3."""

    pytestmark = SQLITE

    @pytest.fixture
    def bucket(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        for name, value in {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}.items():
            monkeypatch.setenv(name, value)
        with s3_server() as address:
            yield address

    @pytest.fixture
    def settings(self, settings: Settings, bucket: str) -> Settings:
        return settings.model_copy(update={"data_prefixes": "s3://sky/open", "data_endpoint": bucket})

    async def test_objects_are_read_below_allowed_prefix_only(self, data: Data, bucket: str) -> None:
        client = boto3.client("s3", endpoint_url=bucket, region_name="us-east-1")
        client.create_bucket(Bucket="sky")
        for value in (1, 2):
            client.put_object(Bucket="sky", Key=f"open/{value}.fits", Body=frame(value))
        client.close()
        items = [{"source": "storage", "basename": f"s3://sky/open/{value}.fits"} for value in (1, 2)]

        assert (await data.run(await data.median(items))).state is DataOperationState.SUCCEEDED
        for place in ("s3://sky/closed/1.fits", "s3://sky/open/../closed/1.fits", "s3://sky/opened/1.fits"):
            row = await data.run(await data.median([{"source": "storage", "basename": place}, items[0]]))
            assert row.state is DataOperationState.FAILED, place


@SQLITE
async def test_referenced_upload_is_kept_and_readable_in_datasession(data: Data) -> None:
    files = [await data.upload(frame(value)) for value in (1, 2)]
    ids = [upload.id for upload in await Upload.all()]
    items = [{"type": "fitsfile", **file} for file in files]
    await datasessions.add(data.datasession, items, upload_ids=ids, actor=await data.actor())
    assert set(await Upload.all().values_list("state", flat=True)) == {UploadState.USED}
    eve = {"user": data.people["eve"], "resource": Resource.DATASESSION, "object_id": data.datasession.id}
    await Grant.create(**eve, role=ObjectRole.DATASESSION_EDITOR)

    row = await data.run(await data.median(files, "eve"))
    assert row.state is DataOperationState.SUCCEEDED, row.message
    await Grant.all().delete()
    refused = await data.run(await data.median(files[::-1], "eve"))
    assert (refused.state, refused.result_id) == (DataOperationState.FAILED, None)
    assert "may no longer compute here" in refused.message
    await dataoperations.delete(refused, actor=await data.actor())
    await datasessions.remove(data.datasession, items, version=data.datasession.version, actor=await data.actor())
    assert await DatasessionUpload.all().count() == 2, "an operation still names them"
    await dataoperations.delete(row, actor=await data.actor("eve"))

    assert await DatasessionUpload.all().count() == 0
    assert len(await uploads.overdue()) == 2


class TestLittleRoom:
    """With a cache for little more than one frame."""

    pytestmark = SQLITE

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"frame_cache_bytes": 6000})

    async def test_run_larger_than_cache_fails_with_sentence(self, data: Data) -> None:
        files = [await data.upload(frame(value)) for value in (1, 2)]

        row = await data.run(await data.median(files))

        assert row.state is DataOperationState.QUEUED
        assert "full of files in use" in row.message

    async def test_successive_runs_evict_cached_files(self, data: Data) -> None:
        for value in (1, 2, 3):
            row = await data.run(await data.queue(input_files=[await data.upload(frame(value))]))
            assert row.state is DataOperationState.SUCCEEDED, row.message
