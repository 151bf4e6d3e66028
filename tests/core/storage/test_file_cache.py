"""Files kept on disk: fetched once, evicted by last use, never while somebody reads them."""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

import pytest

from core.errors import BadInput, Unavailable
from core.storage.file_cache import FileCache
from tests.waiting import eventually

Fill = Callable[[Path], Awaitable[None]]


def write(path: Path, text: bytes) -> None:
    path.write_bytes(text)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix not in (".lock", ""))


def content(text: bytes, told: list[bytes] | None = None, pause: float = 0.0) -> Fill:
    """Return what writes `text`, and notes that it was asked to."""

    async def fill(path: Path) -> None:
        if told is not None:
            told.append(text)
        await asyncio.sleep(pause)
        write(path, text)

    return fill


async def read(cache: FileCache, key: str, fill: Fill) -> bytes:
    async with cache.held(key, fill) as kept:
        assert kept.sha256 == sha256(kept.path.read_bytes()).hexdigest()
        return kept.path.read_bytes()


async def test_a_file_is_fetched_once_for_all_who_want_it_at_once(tmp_path: Path) -> None:
    told: list[bytes] = []
    caches = [FileCache(tmp_path / "cache", 100) for _ in range(3)]

    found = await asyncio.gather(*(read(cache, "a", content(b"abc", told, 0.1)) for cache in caches * 3))

    assert found == [b"abc"] * 9
    assert told == [b"abc"]


async def test_the_least_recently_used_makes_room(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 10)
    for key in ("a", "b"):
        await read(cache, key, content(b"12345"))
    await read(cache, "a", content(b"never"))

    await read(cache, "c", content(b"12345"))

    told: list[bytes] = []
    for key in ("a", "c", "b"):
        await read(cache, key, content(b"again", told))
    assert told == [b"again"], "b alone was evicted"
    assert sum(cache.names().values()) <= 10


async def test_a_file_in_use_is_never_evicted_and_a_newcomer_without_room_is_told_to_come_later(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 10)
    async with cache.held("a", content(b"1234567")) as kept:
        with pytest.raises(Unavailable, match="in use"):
            await read(FileCache(tmp_path, 10), "b", content(b"1234567"))
        assert kept.path.read_bytes() == b"1234567"

    assert await read(cache, "b", content(b"7654321")) == b"7654321"
    assert not kept.path.exists()


async def test_newcomers_at_once_do_not_overfill_it(tmp_path: Path) -> None:
    caches = [FileCache(tmp_path, 10) for _ in range(6)]
    most = 0

    async def use(number: int) -> bool:
        nonlocal most
        try:
            async with caches[number].held(str(number), content(b"123456")):
                most = max(most, sum(caches[0].names().values()))
                await asyncio.sleep(0.05)
        except Unavailable:
            return False
        return True

    for _ in range(20):
        done = await asyncio.gather(*(use(number) for number in range(6)))
        assert any(done)

    assert most <= 10


async def test_what_is_larger_than_the_cache_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="larger than the cache of 3 bytes"):
        await read(FileCache(tmp_path, 3), "a", content(b"1234"))

    assert files(tmp_path) == []


async def test_a_fetch_that_fails_leaves_the_next_one_to_try(tmp_path: Path) -> None:
    async def broken(path: Path) -> None:
        write(path, b"half")
        raise OSError("The wire was cut.")

    cache = FileCache(tmp_path, 100)
    with pytest.raises(OSError, match="wire"):
        await read(cache, "a", broken)

    assert await read(cache, "a", content(b"whole")) == b"whole"


async def test_a_cancelled_fetch_lets_who_waits_fetch(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 100)
    first = asyncio.create_task(read(cache, "a", content(b"slow", pause=60)))
    await eventually(lambda: _locked(tmp_path))
    second = asyncio.create_task(read(cache, "a", content(b"quick")))

    first.cancel()

    assert await asyncio.wait_for(second, 5) == b"quick"


async def test_what_a_crash_left_is_put_in_order_at_the_start(tmp_path: Path) -> None:
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
    told: list[bytes] = []
    await read(cache, "whole", content(b"whole", told))
    assert await read(cache, "cut", content(b"anew", told)) == b"anew"
    assert told == [b"anew"]


def _locked(folder: Path) -> bool:
    return any(folder.glob("*.lock"))


def _hold(folder: str, ready: "multiprocessing.synchronize.Event") -> None:
    async def hold() -> None:
        async with FileCache(Path(folder), 10).held("a", content(b"1234567")):
            ready.set()
            await asyncio.sleep(60)

    asyncio.run(hold())


async def test_another_process_holds_a_file_until_it_dies(tmp_path: Path) -> None:
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
