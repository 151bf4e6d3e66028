"""An archive is read as it streams, off the event loop, and its thread always ends."""

import asyncio
import gzip
import threading
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from core.errors import BadInput
from core.image_archive import ArchiveRefused, inspect
from tests.core.image_archive.checks import SOUND, SOUND_OCI, base256, check
from tests.core.sample_archives import Recipe, layer, noise, stream, tar


def reading_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("archive")]


async def until_no_thread_reads() -> None:
    async with asyncio.timeout(5):
        while reading_threads():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("size", [1, 7, 512, 10**7])
async def test_chunks_may_have_any_size(size: int) -> None:
    assert (await check(gzip.compress(SOUND_OCI), size=size)).image_id == Recipe().image_id


async def test_memory_stays_small_whatever_the_size() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield base256(256 << 20)
        for _ in range(256):
            yield noise(1 << 20)
        yield bytes(1024)

    tracemalloc.start()
    with pytest.raises(ArchiveRefused, match=r"manifest\.json is missing"):
        await inspect(endless())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 24 << 20


async def test_inspection_does_not_block_the_loop() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    await inspect(stream(gzip.compress(tar(Recipe(layers=[layer(a=noise(16 << 20))]).docker()), 1)))
    counting.cancel()

    assert turns > 1000


async def test_cancelled_inspection_ends_its_thread() -> None:
    waiting = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield SOUND[:1000]
        waiting.set()
        await asyncio.Event().wait()

    task = asyncio.ensure_future(inspect(stalled()))
    await waiting.wait()
    assert reading_threads()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await until_no_thread_reads()


async def test_source_error_is_raised() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield SOUND[:1000]
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        await inspect(broken())

    await until_no_thread_reads()


async def test_refusal_does_not_read_the_rest() -> None:
    async def never_ending() -> AsyncIterator[bytes]:
        yield b"this is not a tar file" * 1000
        await asyncio.Event().wait()

    with pytest.raises(ArchiveRefused, match="not a tar"):
        await asyncio.wait_for(inspect(never_ending()), 5)

    await until_no_thread_reads()


def test_refusal_is_bad_input() -> None:
    assert issubclass(ArchiveRefused, BadInput)
