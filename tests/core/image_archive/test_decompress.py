"""Compressed archives and layers are read; damage and bombs are refused."""

import gzip
import lzma
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.core.image_archive.checks import NOT_A_TAR, SMALL, SOUND, TOO_EARLY, check, refusal
from tests.core.sample_archives import COMPRESSIONS, Recipe, layer, noise, tar


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress])
async def test_many_gzip_members_are_one_archive(compress: Callable[[bytes], bytes]) -> None:
    parts = b"".join(compress(SOUND[at : at + 1000]) for at in range(0, len(SOUND), 1000))

    assert (await check(parts + bytes(512))).image_id == Recipe().image_id


async def test_gzip_of_something_else_is_refused() -> None:
    assert await refusal(gzip.compress(b"word " * 1000)) == (
        "The file is not a tar archive; upload the output of docker save."
    )


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress])
@pytest.mark.parametrize("part", [0.0, 0.001, 0.01, 0.2, 0.5, 0.8, 0.99, 1.0])
async def test_truncated_archive_is_refused_at_any_length(compress: Callable[[bytes], bytes], part: float) -> None:
    content = compress(tar(Recipe(layers=[layer(a=noise(100_000))]).docker()))
    end = max(2, min(int(part * len(content)), len(content) - 1))

    assert await refusal(content[:end]) in {TOO_EARLY, NOT_A_TAR if end < 6 else TOO_EARLY}


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress])
async def test_wrong_checksum_is_refused(compress: Callable[[bytes], bytes]) -> None:
    content = bytearray(compress(SOUND))
    content[-6] ^= 0xFF

    assert await refusal(bytes(content)) == "The compression of the archive is damaged; upload it again."


@pytest.mark.parametrize(
    ("magic", "name"), [(b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh91AY", "bzip2"), (b"PK\x03\x04", "zip")]
)
async def test_unknown_compression_is_named(magic: bytes, name: str) -> None:
    assert await refusal(magic + bytes(100)) == f"The compression of the archive is {name}; use gzip or xz instead."


async def test_layer_of_unknown_compression_is_named() -> None:
    files = Recipe().docker()
    name = next(iter(files))

    sentence = await refusal(tar(files | {name: b"\x28\xb5\x2f\xfd" + bytes(100)}))

    assert sentence == f"The compression of the layer {name} is zstd; use gzip or xz instead."


async def test_truncated_layer_is_refused() -> None:
    files = Recipe().docker()
    name = next(iter(files))

    assert await refusal(tar(files | {name: gzip.compress(files[name])[:-3]})) == (
        f"The layer {name} ends too early; upload it again."
    )


@pytest.mark.parametrize("compression", ["gzip", "xz"])
async def test_decompression_bomb_is_refused(compression: str) -> None:
    bomb = COMPRESSIONS[compression](tar({"a": bytes(8 << 20)}))

    assert await refusal(bomb) == "The archive unpacks to more than 200 times its size; save it uncompressed."


async def test_decompression_bomb_in_layer_is_refused() -> None:
    inner = gzip.compress(bytes(8 << 20))

    assert "200 times its size" in await refusal(tar({"a": inner}))


async def test_small_bombs_add_up() -> None:
    inner = gzip.compress(bytes(1 << 20))
    limits = replace(SMALL, uncompressed_bytes=16 << 20, ratio=10_000)

    assert await refusal(tar({str(number): inner for number in range(20)}), limits) == (
        "The archive unpacks to more than 16 MiB; make the image smaller."
    )
