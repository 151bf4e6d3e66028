"""Tests of the upload endpoint: one complete transfer within the size limit."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from core.clock import now
from core.security import signing
from models.accounts.history import ActorKind, HistoryEntry
from models.data.uploads import Upload, UploadState
from models.services.data import uploads
from tests.schema.api import Api
from tests.waiting import eventually

CREATE = 'mutation { uploadCreate(filename: "a.tar") { upload { id } url errors { message } } }'
CONTENT = b"archive" * 1000


@pytest.fixture
async def upload_url(api: Api) -> str:
    """The upload URL of the owner's file."""
    return str((await api.ask("owner", CREATE)).data["url"])


async def _upload() -> Upload:
    found = await Upload.all().order_by("-id").first()
    assert found is not None
    return found


async def _is_stored(api: Api) -> bool:
    return bool(await api.services.storage.exists((await _upload()).storage_key))


async def test_upload_is_stored_and_hashed(api: Api, upload_url: str) -> None:
    answer = await api.http.put(upload_url, content=CONTENT)

    digest = hashlib.sha256(CONTENT).hexdigest()
    assert (answer.status_code, answer.json()) == (201, {"sizeBytes": len(CONTENT), "sha256": digest})
    upload = await _upload()
    assert (upload.state, upload.size_bytes, upload.sha256) == (UploadState.COMPLETE, len(CONTENT), digest)
    stored = b"".join([chunk async for chunk in api.services.storage.get(upload.storage_key)])
    assert stored == CONTENT


async def test_upload_url_works_once(api: Api, upload_url: str) -> None:
    await api.http.put(upload_url, content=CONTENT)

    again = await api.http.put(upload_url, content=b"other")

    assert again.status_code == 409
    assert (await _upload()).size_bytes == len(CONTENT)
    stored = b"".join([chunk async for chunk in api.services.storage.get((await _upload()).storage_key)])
    assert stored == CONTENT, "the second sender changed nothing"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_forged_upload_url_is_refused(api: Api, upload_url: str) -> None:
    path = urlsplit(upload_url).path
    other = await api.ask("owner", CREATE)
    foreign = other.data["url"].partition("=")[2]
    for signature in ("", "0" * 64, foreign, "%00", "é"):
        answer = await api.http.put(path, params={"signature": signature}, content=CONTENT)
        assert answer.status_code == 403, signature
    assert (await api.http.put("/uploads/99999999999999999999?signature=x", content=b"x")).status_code == 403
    assert await HistoryEntry.filter(action="upload_create_refused", actor_kind=ActorKind.ANONYMOUS).count() == 1
    assert not await _is_stored(api)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_expired_upload_url_is_refused(api: Api, upload_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "now", lambda: now() + uploads.LIFETIME + timedelta(minutes=1))

    answer = await api.http.put(upload_url, content=CONTENT)

    assert (answer.status_code, "has expired" in answer.text) == (403, True)
    assert not await _is_stored(api)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("changes", [{"upload_bytes_limit": 4096}])
async def test_oversized_upload_is_refused_and_removed(api: Api, upload_url: str, changes: dict[str, object]) -> None:
    answer = await api.http.put(upload_url, content=CONTENT)

    assert answer.status_code in {400, 413}
    assert "4 KiB" in answer.text
    assert not await _is_stored(api)
    assert (await api.http.put(upload_url, content=b"small")).status_code == 201


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_interrupted_upload_can_be_retried(api: Api, upload_url: str) -> None:
    parts = urlsplit(upload_url)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(CONTENT)}\r\n\r\n"
    writer.write(head.encode() + CONTENT[:1000])
    await writer.drain()
    writer.transport.abort()

    assert (await _upload()).state is UploadState.WAITING
    assert not await _is_stored(api)
    answer = await eventually(lambda: _sent(api, upload_url))
    assert answer
    assert (await _upload()).state is UploadState.COMPLETE


async def _sent(api: Api, upload_url: str) -> bool:
    return (await api.http.put(upload_url, content=CONTENT)).status_code == 201


async def test_concurrent_upload_does_not_overwrite_the_first(api: Api, upload_url: str) -> None:
    started, proceed = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"other"
        started.set()
        await proceed.wait()
        yield b" bytes"

    slow = asyncio.create_task(api.http.put(upload_url, content=slowly()))
    await asyncio.wait_for(started.wait(), 5)
    assert (await api.http.put(upload_url, content=CONTENT)).status_code == 201
    proceed.set()

    assert (await slow).status_code == 409
    stored = b"".join([chunk async for chunk in api.services.storage.get((await _upload()).storage_key)])
    assert stored == CONTENT


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_upload_url_expires(api: Api, upload_url: str) -> None:
    await Upload.all().update(expires_at=now() - timedelta(seconds=1))

    assert (await api.http.put(upload_url, content=CONTENT)).status_code == 404


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_other_methods_are_refused(api: Api, upload_url: str) -> None:
    assert (await api.http.get(upload_url)).status_code == 405
    assert (await api.http.post(upload_url, content=b"x")).status_code == 405
