"""The sweep of data removes uploads whose time is over."""

from jobs.data.sweep import purge_uploads
from models.data.uploads import Upload, UploadState
from tests.jobs.data.job_env import Data, create_overdue_upload


async def test_unused_uploads_are_deleted_with_their_bytes(data: Data) -> None:
    storage = data.services.storage
    old = await create_overdue_upload(storage, data.people["ada"].id)
    used = await create_overdue_upload(storage, data.people["ada"].id, UploadState.USED, "uploads/used")

    await purge_uploads(storage)

    assert await Upload.all().values_list("id", flat=True) == [used.id]
    assert not await storage.exists(old.storage_key)
    assert await storage.exists(used.storage_key)
