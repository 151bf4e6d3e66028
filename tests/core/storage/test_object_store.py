"""Files are stored whole or not at all, in a folder and in S3 alike."""

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
from core.storage.object_store import Storage, Stored, open_storage

BUCKET = "desks"
MIB = 1 << 20


@dataclass
class Place:
    """A storage under test, and what an operator sees in it: files, and uploads that never ended."""

    storage: Storage
    listing: Callable[[], list[str]]
    remote: bool


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    """An S3 server of its own process; gives its URL."""
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = next(filter(None, (re.search(r"Running on (http://\S+)", line) for line in process.stderr)))
        yield found[1]
        process.kill()


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "folder":
        return Place(open_storage(None, tmp_path), lambda: files_below(tmp_path / "storage"), remote=False)
    server = request.getfixturevalue("s3_server")
    credentials(monkeypatch)
    ask(f"{server}/{BUCKET}", "PUT")
    for key in s3_listing(server):
        ask(f"{server}/{BUCKET}/{key}", "DELETE")
    storage = open_storage(f"s3://{BUCKET}?endpoint={server}&region=us-east-1", tmp_path)
    return Place(storage, lambda: s3_listing(server), remote=True)


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
async def test_what_was_put_is_read_back(place: Place, count: int, size: int) -> None:
    expected = b"".join([chunk async for chunk in chunks(count, size)])

    stored = await place.storage.put("images/12/archive.tar", chunks(count, size), limit=None)

    assert stored == Stored(len(expected), hashlib.sha256(expected).hexdigest())
    assert await content(place.storage, "images/12/archive.tar") == expected
    assert await place.storage.size("images/12/archive.tar") == len(expected)
    assert place.listing() == ["images/12/archive.tar"]


async def test_a_large_file_is_read_in_chunks(place: Place) -> None:
    await place.storage.put("a", chunks(20), limit=None)

    sizes = [len(chunk) async for chunk in place.storage.get("a")]

    assert len(sizes) >= 10
    assert max(sizes) <= 8 * MIB


async def test_a_part_of_a_file_is_read_alone(place: Place) -> None:
    await place.storage.put("a", chunks(3, 1000), limit=None)

    read = b"".join([chunk async for chunk in place.storage.part("a", 999, 1001)])

    assert read == b"\x00\x01"
    with pytest.raises(NotFound):
        _ = [chunk async for chunk in place.storage.part("b", 0, 1)]


async def test_a_file_that_is_written_again_is_another_version(place: Place) -> None:
    await place.storage.put("a", chunks(1, 10), limit=None)
    first = await place.storage.version("a")
    assert await place.storage.version("a") == first

    await place.storage.put("a", chunks(1, 11), limit=None)

    assert await place.storage.version("a") != first
    with pytest.raises(NotFound):
        await place.storage.version("b")


async def test_empty_chunks_do_not_end_a_file(place: Place) -> None:
    async def gaps() -> AsyncIterator[bytes]:
        for chunk in (b"", b"a", b"", b"b", b""):
            yield chunk

    await place.storage.put("a", gaps(), limit=None)

    assert await content(place.storage, "a") == b"ab"


@pytest.mark.parametrize("count", [0, 1, 20])
async def test_a_broken_upload_leaves_nothing(place: Place, count: int) -> None:
    with pytest.raises(ConnectionResetError, match="gone"):
        await place.storage.put("a/b", chunks(count, then=ConnectionResetError("gone")), limit=None)

    assert place.listing() == []


@pytest.mark.parametrize(
    "error", [FileNotFoundError("mine"), TimeoutError("mine"), NotFound("mine"), ValueError("mine")]
)
async def test_an_error_of_the_source_is_not_taken_for_one_of_the_store(place: Place, error: Exception) -> None:
    with pytest.raises(type(error), match="mine"):
        await place.storage.put("a", chunks(1, then=error), limit=None)


async def test_a_broken_upload_leaves_what_was_there(place: Place) -> None:
    await place.storage.put("a", chunks(1, 3), limit=None)

    with pytest.raises(ConnectionResetError):
        await place.storage.put("a", chunks(20, then=ConnectionResetError()), limit=None)

    assert await content(place.storage, "a") == b"\0\0\0"


async def test_a_cancelled_upload_leaves_nothing(place: Place) -> None:
    sent = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield bytes(20 * MIB)
        sent.set()
        await asyncio.Event().wait()

    upload = asyncio.ensure_future(place.storage.put("a", stalled(), limit=None))
    await sent.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload

    assert place.listing() == []


async def test_a_file_at_the_limit_is_stored(place: Place) -> None:
    assert (await place.storage.put("a", chunks(10, 10), limit=100)).size == 100


@pytest.mark.parametrize(("count", "size"), [(1, 101), (20, MIB)])
async def test_a_file_over_the_limit_is_refused(place: Place, count: int, size: int) -> None:
    with pytest.raises(BadInput) as refused:
        await place.storage.put("a", chunks(count, size), limit=100)

    assert refused.value.message == "The file is larger than 100 bytes; send a smaller one."
    assert place.listing() == []


async def test_an_endless_upload_is_refused_early(place: Place) -> None:
    with pytest.raises(BadInput, match="10 MiB"):
        await asyncio.wait_for(place.storage.put("a", chunks(10**9), limit=10 * MIB), 30)


async def test_a_file_is_replaced(place: Place) -> None:
    await place.storage.put("a", chunks(1, 5), limit=None)
    await place.storage.put("a", chunks(2, 1), limit=None)

    assert await content(place.storage, "a") == b"\0\1"


async def test_a_deleted_file_is_gone_and_deleting_again_is_fine(place: Place) -> None:
    await place.storage.put("a/b", chunks(1, 1), limit=None)
    assert await place.storage.exists("a/b")

    await place.storage.delete("a/b")
    await place.storage.delete("a/b")

    assert not await place.storage.exists("a/b")


async def test_a_missing_file_is_not_found(place: Place) -> None:
    with pytest.raises(NotFound, match="no such file"):
        await content(place.storage, "a")
    with pytest.raises(NotFound, match="no such file"):
        await place.storage.size("a")


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
async def test_an_unsafe_key_is_refused(tmp_path: Path, key: str) -> None:
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


async def test_a_signed_url_needs_no_credentials(place: Place) -> None:
    await place.storage.put("a/b", chunks(1, 3), limit=None)

    url = await place.storage.signed_url("a/b", 60)

    assert (url is not None) == place.remote
    if url is not None:
        assert "X-Amz-Expires=60" in url
        assert await asyncio.to_thread(ask, url) == "\0\0\0"


async def test_many_uploads_at_once_do_not_mix(place: Place) -> None:
    stored = await asyncio.gather(*(place.storage.put(f"f/{n}", chunks(n, 1000), limit=None) for n in range(10)))

    assert [each.size for each in stored] == [1000 * n for n in range(10)]
    assert [len(await content(place.storage, f"f/{n}")) for n in range(10)] == [1000 * n for n in range(10)]


async def test_keys_lie_below_the_prefix(s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials(monkeypatch)
    ask(f"{s3_server}/{BUCKET}", "PUT")
    storage = open_storage(f"s3://{BUCKET}/carrel/one?endpoint={s3_server}&region=us-east-1", tmp_path)

    await storage.put("a", chunks(1, 1), limit=None)

    assert "carrel/one/a" in s3_listing(s3_server)
    await storage.delete("a")


async def test_a_missing_bucket_is_said(s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials(monkeypatch)
    storage = open_storage(f"s3://no-such-bucket?endpoint={s3_server}&region=us-east-1", tmp_path)

    with pytest.raises(Unavailable, match="bucket of the file storage does not exist"):
        await storage.put("a", chunks(1, 1), limit=None)


async def test_a_store_that_does_not_answer_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_a_folder_may_be_given_by_url(tmp_path: Path) -> None:
    await open_storage(f"file://{tmp_path}/files", tmp_path).put("a", chunks(1, 1), limit=None)

    assert files_below(tmp_path) == ["files/a"]
    assert (tmp_path / "files").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "storage").write_text("in the way")

    with pytest.raises(Unavailable, match="folder 'storage' cannot be used"):
        open_storage(None, tmp_path)


@pytest.mark.parametrize(
    "url", ["", "s3://", "ftp://host/x", "/folder", "file://", "s3://b?endpoint=http://x&secret=1"]
)
def test_a_url_of_another_kind_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="storage URL is not valid"):
        open_storage(url, tmp_path)
