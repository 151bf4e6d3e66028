"""The client of a frame archive: it finds what the token may read, and takes nothing that is late, short or wrong."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import BadInput, Forbidden, NotFound, Unavailable
from core.storage.frame_archive import FrameArchive
from tests.core.frames_server import Frames, frames_server
from tests.waiting import eventually

CONTENT = b"SIMPLE  =                    T" * 1000


@pytest.fixture
def frames() -> Iterator[Frames]:
    """An archive with one frame for everybody and one for Ada."""
    with frames_server() as frames:
        frames.add("open-1", CONTENT)
        frames.add("ada-1", CONTENT, "ada's token")
        yield frames


def archive(frames: Frames, seconds: float = 5.0, limit: int = 1 << 20) -> FrameArchive:
    return FrameArchive(frames.url, seconds, limit)


async def fetched(client: FrameArchive, name: str, path: Path, token: str | None = None) -> bytes:
    await client.fetch(await client.locate(name, token), path)
    return await asyncio.to_thread(path.read_bytes)


async def test_a_frame_is_found_by_its_name_and_fetched(frames: Frames, tmp_path: Path) -> None:
    assert await fetched(archive(frames), "open-1", tmp_path / "a") == CONTENT


async def test_the_token_goes_to_the_archive_and_not_to_the_place_of_the_file(frames: Frames, tmp_path: Path) -> None:
    assert await fetched(archive(frames), "ada-1", tmp_path / "a", "ada's token") == CONTENT

    assert frames.tokens == ["ada's token", None]


@pytest.mark.parametrize(("name", "token"), [("ada-1", None), ("ada-1", "eve's token"), ("nothing", None)])
async def test_what_the_token_may_not_read_is_as_good_as_absent(frames: Frames, name: str, token: str | None) -> None:
    with pytest.raises(NotFound, match=f"no frame {name} that you may read"):
        await archive(frames).locate(name, token)


async def test_a_token_that_the_archive_refuses_is_said_at_once(frames: Frames) -> None:
    frames.refuses.add("old")

    with pytest.raises(Forbidden, match="refuses your token"):
        await archive(frames).locate("open-1", "old")

    assert len(frames.asked) == 1


@pytest.mark.parametrize("trouble", ["failures", "nonsense", "damaged", "cut"])
async def test_trouble_that_passes_is_waited_for(frames: Frames, tmp_path: Path, trouble: str) -> None:
    setattr(frames, trouble, 2)

    assert await fetched(archive(frames), "open-1", tmp_path / "a") == CONTENT

    assert len(frames.asked) >= 3


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        ("failures", "answers with status 503"),
        ("nonsense", "no list of frames"),
        ("damaged", "damaged"),
        ("cut", "does not answer"),
    ],
)
async def test_trouble_that_stays_is_one_sentence(frames: Frames, tmp_path: Path, trouble: str, sentence: str) -> None:
    setattr(frames, trouble, 1000)

    with pytest.raises(Unavailable, match=sentence):
        await fetched(archive(frames, 0.5), "open-1", tmp_path / "a")


async def test_an_archive_that_is_gone_is_one_sentence(frames: Frames) -> None:
    client = FrameArchive("http://127.0.0.1:9", 0.3, 1000)

    with pytest.raises(Unavailable, match="does not answer"):
        await client.locate("open-1", None)


async def test_a_frame_that_is_too_large_is_refused_at_once(frames: Frames, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="larger than 1 KiB"):
        await fetched(archive(frames, limit=1024), "open-1", tmp_path / "a")

    assert frames.downloads == 1


async def test_who_stops_waiting_for_a_slow_archive_is_free_at_once(frames: Frames) -> None:
    frames.pause = 1.0
    waiting = asyncio.create_task(archive(frames).locate("open-1", None))
    await eventually(lambda: bool(frames.asked))

    waiting.cancel()
    done, _ = await asyncio.wait([waiting], timeout=0.5)

    assert done
