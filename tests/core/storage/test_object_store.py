"""Files are stored completely or not at all, in a folder and in S3."""

import asyncio
import hashlib
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.errors import BadInput, NotFound, Unavailable
from core.storage.object_store import Storage, StoredFile, open_storage

BUCKET = "files"
MIB = 1 << 20


@dataclass
class StorageUnderTest:
    """A storage under test, its files, and its unfinished uploads."""

    storage: Storage
    listing: Callable[[], list[str]]
    remote: bool


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    """An S3 server in its own process; yields its URL."""
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = next(filter(None, (re.search(r"Running on (http://\S+)", line) for line in process.stderr)))
        yield found[1]
        process.kill()


@pytest.fixture(params=["folder", "s3"])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorageUnderTest:
    if request.param == "folder":
        return StorageUnderTest(open_storage(None, tmp_path), lambda: files_below(tmp_path / "storage"), remote=False)
    server = request.getfixturevalue("s3_server")
    credentials(monkeypatch)
    ask(f"{server}/{BUCKET}", "PUT")
    for key in s3_listing(server):
        ask(f"{server}/{BUCKET}/{key}", "DELETE")
    storage = open_storage(f"s3://{BUCKET}?endpoint={server}&region=us-east-1", tmp_path)
    return StorageUnderTest(storage, lambda: s3_listing(server), remote=True)


def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "anyone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "anything")


def ask(url: str, method: str = "GET") -> str:
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:  # noqa: S310
        return str(answer.read().decode())


def s3_listing(server: str) -> list[str]:
    unfinished = re.findall(r"<UploadId>", ask(f"{server}/{BUCKET}?uploads"))
    return sorted(re.findall(r"<Key>([^<]+)", ask(f"{server}/{BUCKET}?list-type=2"))) + unfinished


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def chunks(count: int, size: int = MIB, *, then: Exception | None = None) -> AsyncIterator[bytes]:
    for number in range(count):
        yield bytes([number % 256]) * size
    if then:
        raise then


async def content(storage: Storage, key: str) -> bytes:
    return b"".join([chunk async for chunk in storage.get(key)])


@pytest.mark.parametrize(("count", "size"), [(0, 1), (1, 1), (3, 1000), (20, MIB), (3, 7 * MIB)])
async def test_stored_file_is_read_back(target: StorageUnderTest, count: int, size: int) -> None:
    expected = b"".join([chunk async for chunk in chunks(count, size)])

    stored = await target.storage.put("images/12/archive.tar", chunks(count, size), limit=None)

    assert stored == StoredFile(len(expected), hashlib.sha256(expected).hexdigest())
    assert await content(target.storage, "images/12/archive.tar") == expected
    assert await target.storage.size("images/12/archive.tar") == len(expected)
    assert target.listing() == ["images/12/archive.tar"]


async def test_large_file_is_read_in_chunks(target: StorageUnderTest) -> None:
    await target.storage.put("a", chunks(20), limit=None)

    sizes = [len(chunk) async for chunk in target.storage.get("a")]

    assert len(sizes) >= 10
    assert max(sizes) <= 8 * MIB


async def test_byte_range_is_read(target: StorageUnderTest) -> None:
    await target.storage.put("a", chunks(3, 1000), limit=None)

    read = b"".join([chunk async for chunk in target.storage.get_range("a", 999, 1001)])

    assert read == b"\x00\x01"
    with pytest.raises(NotFound):
        _ = [chunk async for chunk in target.storage.get_range("b", 0, 1)]


async def test_rewritten_file_has_another_version(target: StorageUnderTest) -> None:
    await target.storage.put("a", chunks(1, 10), limit=None)
    first = await target.storage.version("a")
    assert await target.storage.version("a") == first

    await target.storage.put("a", chunks(1, 11), limit=None)

    assert await target.storage.version("a") != first
    with pytest.raises(NotFound):
        await target.storage.version("b")


async def test_empty_chunks_do_not_end_the_file(target: StorageUnderTest) -> None:
    async def gaps() -> AsyncIterator[bytes]:
        for chunk in (b"", b"a", b"", b"b", b""):
            yield chunk

    await target.storage.put("a", gaps(), limit=None)

    assert await content(target.storage, "a") == b"ab"


@pytest.mark.parametrize("count", [0, 1, 20])
async def test_failed_upload_leaves_nothing(target: StorageUnderTest, count: int) -> None:
    with pytest.raises(ConnectionResetError, match="gone"):
        await target.storage.put("a/b", chunks(count, then=ConnectionResetError("gone")), limit=None)

    assert target.listing() == []


@pytest.mark.parametrize(
    "error", [FileNotFoundError("mine"), TimeoutError("mine"), NotFound("mine"), ValueError("mine")]
)
async def test_source_error_is_raised_unchanged(target: StorageUnderTest, error: Exception) -> None:
    with pytest.raises(type(error), match="mine"):
        await target.storage.put("a", chunks(1, then=error), limit=None)


async def test_failed_upload_keeps_the_existing_file(target: StorageUnderTest) -> None:
    await target.storage.put("a", chunks(1, 3), limit=None)

    with pytest.raises(ConnectionResetError):
        await target.storage.put("a", chunks(20, then=ConnectionResetError()), limit=None)

    assert await content(target.storage, "a") == b"\0\0\0"


async def test_cancelled_upload_leaves_nothing(target: StorageUnderTest) -> None:
    sent = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield bytes(20 * MIB)
        sent.set()
        await asyncio.Event().wait()

    upload = asyncio.ensure_future(target.storage.put("a", stalled(), limit=None))
    await sent.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload

    assert target.listing() == []


async def test_file_at_the_limit_is_stored(target: StorageUnderTest) -> None:
    assert (await target.storage.put("a", chunks(10, 10), limit=100)).size == 100


@pytest.mark.parametrize(("count", "size"), [(1, 101), (20, MIB)])
async def test_file_over_the_limit_is_refused(target: StorageUnderTest, count: int, size: int) -> None:
    with pytest.raises(BadInput) as refused:
        await target.storage.put("a", chunks(count, size), limit=100)

    assert refused.value.message == "The file is larger than 100 bytes; send a smaller one."
    assert target.listing() == []


async def test_endless_upload_is_refused_early(target: StorageUnderTest) -> None:
    with pytest.raises(BadInput, match="10 MiB"):
        await asyncio.wait_for(target.storage.put("a", chunks(10**9), limit=10 * MIB), 30)


async def test_file_is_replaced(target: StorageUnderTest) -> None:
    await target.storage.put("a", chunks(1, 5), limit=None)
    await target.storage.put("a", chunks(2, 1), limit=None)

    assert await content(target.storage, "a") == b"\0\1"


async def test_delete_can_be_repeated(target: StorageUnderTest) -> None:
    await target.storage.put("a/b", chunks(1, 1), limit=None)
    assert await target.storage.exists("a/b")

    await target.storage.delete("a/b")
    await target.storage.delete("a/b")

    assert not await target.storage.exists("a/b")


async def test_missing_file_is_not_found(target: StorageUnderTest) -> None:
    with pytest.raises(NotFound, match="no such file"):
        await content(target.storage, "a")
    with pytest.raises(NotFound, match="no such file"):
        await target.storage.size("a")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        "..",
        "../a",
        "a/../b",
        "a/..",
        ".",
        "./a",
        "a/.b",
        "a\\b",
        "a\0",
        "a\n",
        "é",
        "a#1",
        "a%2f",
        "x" * 513,
    ],
)
async def test_unsafe_key_is_refused(tmp_path: Path, key: str) -> None:
    storage = open_storage(None, tmp_path)
    for call in (
        storage.put(key, chunks(1), limit=None),
        storage.size(key),
        storage.exists(key),
        storage.delete(key),
        storage.signed_url(key, 1),
        content(storage, key),
    ):
        with pytest.raises(BadInput, match="not a storage key"):
            await call

    assert files_below(tmp_path) == []


async def test_signed_url_needs_no_credentials(target: StorageUnderTest) -> None:
    await target.storage.put("a/b", chunks(1, 3), limit=None)

    url = await target.storage.signed_url("a/b", 60)

    assert (url is not None) == target.remote
    if url is not None:
        assert "X-Amz-Expires=60" in url
        assert await asyncio.to_thread(ask, url) == "\0\0\0"


async def test_concurrent_uploads_do_not_mix(target: StorageUnderTest) -> None:
    stored = await asyncio.gather(*(target.storage.put(f"f/{n}", chunks(n, 1000), limit=None) for n in range(10)))

    assert [each.size for each in stored] == [1000 * n for n in range(10)]
    assert [len(await content(target.storage, f"f/{n}")) for n in range(10)] == [1000 * n for n in range(10)]


async def test_keys_are_below_the_prefix(s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials(monkeypatch)
    ask(f"{s3_server}/{BUCKET}", "PUT")
    storage = open_storage(f"s3://{BUCKET}/carrel/one?endpoint={s3_server}&region=us-east-1", tmp_path)

    await storage.put("a", chunks(1, 1), limit=None)

    assert "carrel/one/a" in s3_listing(s3_server)
    await storage.delete("a")


async def test_missing_bucket_is_reported(s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials(monkeypatch)
    storage = open_storage(f"s3://no-such-bucket?endpoint={s3_server}&region=us-east-1", tmp_path)

    with pytest.raises(Unavailable, match="bucket of the file storage does not exist"):
        await storage.put("a", chunks(1, 1), limit=None)


async def test_unresponsive_store_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials(monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    storage = open_storage(f"s3://{BUCKET}?endpoint=http://127.0.0.1:{port}&region=us-east-1", tmp_path)

    for call in (
        storage.put("a", chunks(1), limit=None),
        storage.size("a"),
        content(storage, "a"),
        storage.delete("a"),
    ):
        with pytest.raises(Unavailable, match="does not answer; try again later"):
            await asyncio.wait_for(call, 30)


async def test_folder_url_is_accepted(tmp_path: Path) -> None:
    await open_storage(f"file://{tmp_path}/files", tmp_path).put("a", chunks(1, 1), limit=None)

    assert files_below(tmp_path) == ["files/a"]
    assert (tmp_path / "files").stat().st_mode & 0o777 == 0o700


def test_unusable_folder_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "storage").write_text("in the way")

    with pytest.raises(Unavailable, match="folder 'storage' cannot be used"):
        open_storage(None, tmp_path)


@pytest.mark.parametrize(
    "url", ["", "s3://", "ftp://host/x", "/folder", "file://", "s3://b?endpoint=http://x&secret=1"]
)
def test_other_url_scheme_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="storage URL is not valid"):
        open_storage(url, tmp_path)
