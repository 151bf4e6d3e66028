"""Asks for the verdict on an archive."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from core.image_archive import ArchiveLimits, ArchiveRefused, ImageManifest, inspect
from tests.core.sample_archives import Recipe, as_json, sha256, stream, tar

SOUND = tar(Recipe().docker())
SOUND_OCI = tar(Recipe().oci())
NOT_A_TAR = "The file is not a tar archive; upload the output of docker save."
TOO_EARLY = "The archive ends too early; upload it again."
DAMAGED = "The archive is damaged; upload it again."
ROOT = "The image runs as root; add a USER line to its Dockerfile."
SMALL = ArchiveLimits(ratio_from_bytes=1 << 20, json_bytes=64 << 10, kept_bytes=256 << 10, members=64)


async def check(content: bytes, limits: ArchiveLimits = SMALL, size: int = 64 << 10) -> ImageManifest:
    async with asyncio.timeout(20):
        return await inspect(stream(content, size), limits)


async def refusal(content: bytes, limits: ArchiveLimits = SMALL, size: int = 64 << 10) -> str:
    with pytest.raises(ArchiveRefused) as refused:
        await check(content, limits, size)
    sentence = refused.value.message
    assert sentence.endswith((".", "| gzip."))
    assert "\n" not in sentence
    assert len(sentence) < 300
    return sentence


def edited(files: dict[str, bytes], name: str, change: Callable[[Any], Any]) -> dict[str, bytes]:
    """Return `files` with the JSON of one changed."""
    return files | {name: as_json(change(json.loads(files[name])))}


def with_config(config: bytes) -> bytes:
    """Return an archive whose configuration is `config`, under its true digest."""
    files = Recipe().docker()
    del files[f"{sha256(Recipe().config)}.json"]
    name = f"{sha256(config)}.json"
    return tar(edited(files, "manifest.json", lambda m: [m[0] | {"Config": name}]) | {name: config})


def base256(size: int) -> bytes:
    """Return a header with a size in GNU's binary form."""
    header = bytearray(tar({"a": b""})[:512])
    header[124:136] = size.to_bytes(12, "big", signed=True) if size < 0 else b"\x80" + size.to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)
