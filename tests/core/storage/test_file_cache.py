"""Cached files are fetched once, evicted by last use, and never while in use."""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

import pytest

from core.errors import BadInput, Unavailable
from core.storage.file_cache import FileCache
from tests.waiting import eventually

Loader = Callable[[Path], Awaitable[None]]


def write(path: Path, text: bytes) -> None:
    path.write_bytes(text)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix not in (".lock", ""))


def content(text: bytes, loads: list[bytes] | None = None, pause: float = 0.0) -> Loader:
    """Return a loader that writes `text` and records the call."""

    async def load(path: Path) -> None:
        if loads is not None:
            loads.append(text)
        await asyncio.sleep(pause)
        write(path, text)

    return load


async def read(cache: FileCache, key: str, load: Loader) -> bytes:
    async with cache.pin(key, load) as cached:
        assert cached.sha256 == sha256(cached.path.read_bytes()).hexdigest()
        return cached.path.read_bytes()


async def test_concurrent_readers_share_one_fetch(tmp_path: Path) -> None:
    loads: list[bytes] = []
    caches = [FileCache(tmp_path / "cache", 100) for _ in range(3)]

    found = await asyncio.gather(*(read(cache, "a", content(b"abc", loads, 0.1)) for cache in caches * 3))

    assert found == [b"abc"] * 9
    assert loads == [b"abc"]


async def test_least_recently_used_file_is_evicted(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 10)
    for key in ("a", "b"):
        await read(cache, key, content(b"12345"))
    await read(cache, "a", content(b"never"))

    await read(cache, "c", content(b"12345"))

    loads: list[bytes] = []
    for key in ("a", "c", "b"):
        await read(cache, key, content(b"again", loads))
    assert loads == [b"again"], "b alone was evicted"
    assert sum(cache.sizes().values()) <= 10


async def test_file_in_use_is_never_evicted(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 10)
    async with cache.pin("a", content(b"1234567")) as cached:
        with pytest.raises(Unavailable, match="in use"):
            await read(FileCache(tmp_path, 10), "b", content(b"1234567"))
        assert cached.path.read_bytes() == b"1234567"

    assert await read(cache, "b", content(b"7654321")) == b"7654321"
    assert not cached.path.exists()


async def test_concurrent_fetches_stay_within_the_limit(tmp_path: Path) -> None:
    caches = [FileCache(tmp_path, 10) for _ in range(6)]
    most = 0

    async def use(number: int) -> bool:
        nonlocal most
        try:
            async with caches[number].pin(str(number), content(b"123456")):
                most = max(most, sum(caches[0].sizes().values()))
                await asyncio.sleep(0.05)
        except Unavailable:
            return False
        return True

    for _ in range(20):
        done = await asyncio.gather(*(use(number) for number in range(6)))
        assert any(done)

    assert most <= 10


async def test_file_larger_than_the_cache_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="larger than the cache of 3 bytes"):
        await read(FileCache(tmp_path, 3), "a", content(b"1234"))

    assert files(tmp_path) == []


async def test_failed_fetch_is_retried_by_the_next(tmp_path: Path) -> None:
    async def broken(path: Path) -> None:
        write(path, b"half")
        raise OSError("The wire was cut.")

    cache = FileCache(tmp_path, 100)
    with pytest.raises(OSError, match="wire"):
        await read(cache, "a", broken)

    assert await read(cache, "a", content(b"whole")) == b"whole"


async def test_cancelled_fetch_passes_to_a_waiter(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 100)
    first = asyncio.create_task(read(cache, "a", content(b"slow", pause=60)))
    await eventually(lambda: _locked(tmp_path))
    second = asyncio.create_task(read(cache, "a", content(b"quick")))

    first.cancel()

    assert await asyncio.wait_for(second, 5) == b"quick"


async def test_reconcile_deletes_leftovers_of_a_crash(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 100)
    await read(cache, "whole", content(b"whole"))
    await read(cache, "cut", content(b"shortened"))
    (cut,) = [path for path in files(tmp_path) if path.read_bytes() == b"shortened"]
    write(cut, b"sho")
    (tmp_path / "00.part").write_bytes(b"half")
    (tmp_path / "11.data").write_bytes(b"nameless")
    (tmp_path / "22.json").write_text("{not json")

    cache.reconcile()

    assert [path.suffix for path in files(tmp_path)] == [".data", ".json"]
    loads: list[bytes] = []
    await read(cache, "whole", content(b"whole", loads))
    assert await read(cache, "cut", content(b"anew", loads)) == b"anew"
    assert loads == [b"anew"]


def _locked(folder: Path) -> bool:
    return any(folder.glob("*.lock"))


def _hold(folder: str, ready: "multiprocessing.synchronize.Event") -> None:
    async def hold() -> None:
        async with FileCache(Path(folder), 10).pin("a", content(b"1234567")):
            ready.set()
            await asyncio.sleep(60)

    asyncio.run(hold())


async def test_lock_of_a_dead_process_is_released(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold, args=(str(tmp_path), ready))
    process.start()
    await asyncio.to_thread(ready.wait, 20)
    cache = FileCache(tmp_path, 10)
    with pytest.raises(Unavailable):
        await read(cache, "b", content(b"7654321"))

    process.kill()
    process.join()

    assert await read(cache, "b", content(b"7654321")) == b"7654321"
