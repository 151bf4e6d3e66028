"""Links are followed, unsafe paths are refused, and memory stays bounded."""

import gzip
import io
import tarfile
from dataclasses import replace

import pytest

from tests.core.image_archive.checks import SMALL, SOUND, check, refusal
from tests.core.sample_archives import Recipe, layer, link, tar, with_duplicates


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
async def test_equal_layers_may_be_links(kind: bytes) -> None:
    recipe = Recipe(layers=[layer(a=b"same"), layer(b=b"other"), layer(a=b"same")])

    image = await check(with_duplicates(recipe, kind))

    assert image.layer_count == 3
    assert image.size_bytes == sum(map(len, recipe.layers))


async def test_too_large_archive_is_refused() -> None:
    assert await refusal(SOUND, replace(SMALL, compressed_bytes=4096)) == (
        "The archive is larger than 4 KiB; make the image smaller."
    )
    assert await refusal(gzip.compress(SOUND), replace(SMALL, uncompressed_bytes=4096)) == (
        "The archive unpacks to more than 4 KiB; make the image smaller."
    )


async def test_too_much_json_is_refused() -> None:
    big = b"[" + b"1," * (20 << 10) + b"1]"

    assert "larger than 64 KiB" in await refusal(tar(Recipe().docker() | {"manifest.json": big * 2}))
    assert "more than 256 KiB of JSON" in await refusal(tar({str(number): big for number in range(20)}))


async def test_duplicate_file_is_refused() -> None:
    twice = SOUND.rstrip(b"\0") + bytes(-len(SOUND.rstrip(b"\0")) % 512) + tar({"./manifest.json": b"[]"})

    assert await refusal(twice) == "The archive contains manifest.json twice; save it again with docker save."


async def test_path_through_a_link_is_refused() -> None:
    output = io.BytesIO(tar({}, [link("x", ".")])[:512])
    content = output.getvalue() + tar({"x/manifest.json": b"[]"} | Recipe().docker())

    assert "leads through a link" in await refusal(content)


async def test_link_cycle_is_refused() -> None:
    files = Recipe().docker()
    del files["manifest.json"]

    assert "part of a cycle" in await refusal(tar(files, [link("manifest.json", "a"), link("a", "manifest.json")]))
