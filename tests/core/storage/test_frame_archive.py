"""The archive client finds frames that the token may read, and refuses late, short or wrong data."""

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
    """An archive with one public frame and one that Ada may read."""
    with frames_server() as frames:
        frames.add("open-1", CONTENT)
        frames.add("ada-1", CONTENT, "ada's token")
        yield frames


def archive(frames: Frames, seconds: float = 5.0, limit: int = 1 << 20) -> FrameArchive:
    return FrameArchive(frames.url, seconds, limit)


async def locate_and_fetch(client: FrameArchive, name: str, path: Path, token: str | None = None) -> bytes:
    await client.fetch(await client.locate(name, token), path)
    return await asyncio.to_thread(path.read_bytes)


async def test_frame_is_found_by_name_and_fetched(frames: Frames, tmp_path: Path) -> None:
    assert await locate_and_fetch(archive(frames), "open-1", tmp_path / "a") == CONTENT


async def test_token_is_sent_to_the_archive_only(frames: Frames, tmp_path: Path) -> None:
    assert await locate_and_fetch(archive(frames), "ada-1", tmp_path / "a", "ada's token") == CONTENT

    assert frames.tokens == ["ada's token", None]


async def test_redirect_is_not_followed(frames: Frames) -> None:
    with frames_server() as other:
        frames.redirect = f"{other.url}/frames/?basename_exact=ada-1"

        with pytest.raises(Unavailable, match="status 302"):
            await archive(frames).locate("ada-1", "ada's token")

        assert (len(frames.asked), other.asked) == (1, [])


async def test_proxy_and_netrc_of_environment_are_ignored(
    frames: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login eve password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    assert await locate_and_fetch(archive(frames, 0.5), "open-1", tmp_path / "a") == CONTENT

    assert frames.tokens == [None, None]


@pytest.mark.parametrize(("name", "token"), [("ada-1", None), ("ada-1", "eve's token"), ("nothing", None)])
async def test_unreadable_frame_is_not_found(frames: Frames, name: str, token: str | None) -> None:
    with pytest.raises(NotFound, match=f"no frame {name} that you may read"):
        await archive(frames).locate(name, token)


async def test_refused_token_is_forbidden_at_once(frames: Frames) -> None:
    frames.refuses.add("old")

    with pytest.raises(Forbidden, match="refuses your token"):
        await archive(frames).locate("open-1", "old")

    assert len(frames.asked) == 1


@pytest.mark.parametrize("trouble", ["failures", "nonsense", "damaged", "cut"])
async def test_temporary_failure_is_retried(frames: Frames, tmp_path: Path, trouble: str) -> None:
    setattr(frames, trouble, 2)

    assert await locate_and_fetch(archive(frames), "open-1", tmp_path / "a") == CONTENT

    assert len(frames.asked) >= 3


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        ("failures", "answers with status 503"),
        ("nonsense", "not a list of frames"),
        ("damaged", "damaged"),
        ("cut", "does not answer"),
    ],
)
async def test_lasting_failure_is_one_sentence(frames: Frames, tmp_path: Path, trouble: str, sentence: str) -> None:
    setattr(frames, trouble, 1000)

    with pytest.raises(Unavailable, match=sentence):
        await locate_and_fetch(archive(frames, 0.5), "open-1", tmp_path / "a")


async def test_unreachable_archive_is_one_sentence(frames: Frames) -> None:
    client = FrameArchive("http://127.0.0.1:9", 0.3, 1000)

    with pytest.raises(Unavailable, match="does not answer"):
        await client.locate("open-1", None)


async def test_too_large_frame_is_refused_at_once(frames: Frames, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="larger than 1 KiB"):
        await locate_and_fetch(archive(frames, limit=1024), "open-1", tmp_path / "a")

    assert frames.downloads == 1


async def test_cancellation_does_not_wait_for_the_archive(frames: Frames) -> None:
    frames.pause = 1.0
    waiting = asyncio.create_task(archive(frames).locate("open-1", None))
    await eventually(lambda: bool(frames.asked))

    waiting.cancel()
    done, _ = await asyncio.wait([waiting], timeout=0.5)

    assert done
