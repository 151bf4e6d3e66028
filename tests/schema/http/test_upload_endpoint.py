"""Uploads: bytes sent to their own address, once, whole, and no more than is allowed."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from core.clock import now
from models.accounts.history import ActorKind, HistoryEntry
from models.data.uploads import Upload, UploadState
from tests.schema.api import Api
from tests.waiting import eventually

ANNOUNCE = 'mutation { uploadCreate(filename: "a.tar") { upload { id } url errors { message } } }'
CONTENT = b"archive" * 1000


@pytest.fixture
async def address(api: Api) -> str:
    """Where the owner's announced file is to be sent."""
    return str((await api.ask("owner", ANNOUNCE)).data["url"])


async def _upload() -> Upload:
    found = await Upload.all().order_by("-id").first()
    assert found is not None
    return found


async def _kept(api: Api) -> bool:
    return bool(await api.kernel.storage.exists((await _upload()).storage_key))


async def test_the_bytes_are_kept_and_measured(api: Api, address: str) -> None:
    answer = await api.http.put(address, content=CONTENT)

    digest = hashlib.sha256(CONTENT).hexdigest()
    assert (answer.status_code, answer.json()) == (201, {"sizeBytes": len(CONTENT), "sha256": digest})
    upload = await _upload()
    assert (upload.state, upload.size_bytes, upload.sha256) == (UploadState.COMPLETE, len(CONTENT), digest)
    kept = b"".join([chunk async for chunk in api.kernel.storage.get(upload.storage_key)])
    assert kept == CONTENT


async def test_an_address_works_once(api: Api, address: str) -> None:
    await api.http.put(address, content=CONTENT)

    again = await api.http.put(address, content=b"other")

    assert again.status_code == 409
    assert (await _upload()).size_bytes == len(CONTENT)
    kept = b"".join([chunk async for chunk in api.kernel.storage.get((await _upload()).storage_key)])
    assert kept == CONTENT, "the second sender changed nothing"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_forged_address_takes_nothing(api: Api, address: str) -> None:
    path = urlsplit(address).path
    other = await api.ask("owner", ANNOUNCE)
    foreign = other.data["url"].partition("=")[2]
    for signature in ("", "0" * 64, foreign, "%00", "é"):
        answer = await api.http.put(path, params={"signature": signature}, content=CONTENT)
        assert answer.status_code == 403, signature
    assert (await api.http.put("/uploads/99999999999999999999?signature=x", content=b"x")).status_code == 403
    assert await HistoryEntry.filter(action="upload_create_refused", actor_kind=ActorKind.ANONYMOUS).count() == 1
    assert not await _kept(api)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("changes", [{"upload_bytes_limit": 4096}])
async def test_too_much_is_refused_and_leaves_nothing(api: Api, address: str, changes: dict[str, object]) -> None:
    answer = await api.http.put(address, content=CONTENT)

    assert answer.status_code in {400, 413}
    assert "4 KiB" in answer.text
    assert not await _kept(api)
    assert (await api.http.put(address, content=b"small")).status_code == 201


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_broken_stream_leaves_nothing_and_can_be_sent_again(api: Api, address: str) -> None:
    parts = urlsplit(address)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(CONTENT)}\r\n\r\n"
    writer.write(head.encode() + CONTENT[:1000])
    await writer.drain()
    writer.transport.abort()

    assert (await _upload()).state is UploadState.WAITING
    assert not await _kept(api)
    answer = await eventually(lambda: _sent(api, address))
    assert answer
    assert (await _upload()).state is UploadState.COMPLETE


async def _sent(api: Api, address: str) -> bool:
    return (await api.http.put(address, content=CONTENT)).status_code == 201


async def test_a_slow_second_sender_does_not_write_over_the_first(api: Api, address: str) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"other"
        begun.set()
        await go_on.wait()
        yield b" bytes"

    slow = asyncio.create_task(api.http.put(address, content=slowly()))
    await asyncio.wait_for(begun.wait(), 5)
    assert (await api.http.put(address, content=CONTENT)).status_code == 201
    go_on.set()

    assert (await slow).status_code == 409
    kept = b"".join([chunk async for chunk in api.kernel.storage.get((await _upload()).storage_key)])
    assert kept == CONTENT


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_an_address_ends_with_its_time(api: Api, address: str) -> None:
    await Upload.all().update(expires_at=now() - timedelta(seconds=1))

    assert (await api.http.put(address, content=CONTENT)).status_code == 404


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_other_methods_are_not_taken(api: Api, address: str) -> None:
    assert (await api.http.get(address)).status_code == 405
    assert (await api.http.post(address, content=b"x")).status_code == 405
