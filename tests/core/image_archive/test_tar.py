"""Every tar dialect is read; an incomplete or unsafe tar file is refused."""

import asyncio
import gzip
import struct
import tarfile

import pytest

from core.image_archive import ArchiveRefused
from tests.core.image_archive.checks import DAMAGED, NOT_A_TAR, SOUND, TOO_EARLY, base256, check, edited, refusal
from tests.core.sample_archives import Recipe, link, noise, tar


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("prefix", ["", "./"])
async def test_every_tar_dialect_is_read(form: int, prefix: str) -> None:
    files = {prefix + name: content for name, content in Recipe().docker().items()}

    assert (await check(tar(files, form=form))).image_id == Recipe().image_id


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
async def test_long_names_are_read(form: int) -> None:
    files = Recipe().docker()
    name = next(iter(files))
    long = f"{'x' * 150}/é/layer.tar"
    renamed = {long if each == name else each: content for each, content in files.items()}
    manifest = edited(renamed, "manifest.json", lambda m: [m[0] | {"Layers": [long, *m[0]["Layers"][1:]]}])

    assert (await check(tar(manifest, form=form))).image_id == Recipe().image_id


@pytest.mark.parametrize("content", [b"hello", b"\0" * 100, noise(20_000), b"%PDF" * 1000])
async def test_file_that_is_not_an_archive_is_refused(content: bytes) -> None:
    assert await refusal(content) == NOT_A_TAR


async def test_empty_archive_is_refused() -> None:
    assert await refusal(b"") == "The archive is empty; upload the output of docker save."


@pytest.mark.parametrize("end", [512, 513, 1023, 1024, 1500, 2048, 2560, len(SOUND) // 2])
async def test_truncated_archive_is_refused_at_any_length(end: int) -> None:
    assert await refusal(SOUND[:end]) == TOO_EARLY


async def test_archive_cut_between_members_is_refused() -> None:
    assert await refusal(SOUND.rstrip(b"\0")[: 512 * (len(SOUND.rstrip(b"\0")) // 512)]) == TOO_EARLY


async def test_wrong_header_checksum_is_refused() -> None:
    content = bytearray(tar({"a": b"x"}))
    second = bytearray(tar({"b": b"x"}))
    second[0] ^= 1

    assert await refusal(bytes(content[:1024] + second)) == DAMAGED


async def test_data_after_the_end_is_refused() -> None:
    sentence = "Something follows the end of the archive; save it again with docker save."

    assert await refusal(SOUND + SOUND) == sentence
    assert await refusal(gzip.compress(SOUND) + gzip.compress(SOUND)) == sentence


async def test_too_long_names_are_refused() -> None:
    assert "file name that is too long" in await refusal(tar({"x" * 20_000: b""}))
    assert "unsafe path" in await refusal(tar({"x" * 2_000: b""}))


@pytest.mark.parametrize("size", [-1, -(1 << 40), 1 << 80])
async def test_impossible_sizes_are_refused(size: int) -> None:
    assert await refusal(base256(size) + bytes(4096)) in {DAMAGED, TOO_EARLY}


@pytest.mark.parametrize(
    "record", [b"5 a=b\n", b"0 =\n", b"x", b"99 path=a\n", b"12 size=-1\n", b"13 size=1_0\n", b" a=b\n"]
)
async def test_damaged_extended_header_is_refused(record: bytes) -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, len(record)
    content = info.tobuf() + record + bytes(-len(record) % 512) + SOUND

    assert await refusal(content) == DAMAGED


async def test_sparse_and_special_files_are_refused() -> None:
    for kind in (tarfile.GNUTYPE_SPARSE, tarfile.CHRTYPE, tarfile.FIFOTYPE, b"V"):
        assert "a special file" in await refusal(tar({}, [link("x", "", kind)]))
    info = tarfile.TarInfo("x")
    info.pax_headers = {"GNU.sparse.major": "1"}
    assert "a sparse file" in await refusal(tar({}, [info], tarfile.PAX_FORMAT))


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", ".."])
async def test_path_outside_archive_is_refused(path: str) -> None:
    assert "unsafe path" in await refusal(tar({path: b""}))
    assert "unsafe path" in await refusal(tar({}, [link("x", path, tarfile.LNKTYPE)]))
    assert "unsafe path" in await refusal(tar({}, [link("x", path)]))


async def test_too_many_members_are_refused() -> None:
    assert (await refusal(tar({str(number): b"" for number in range(100)}))).startswith(
        "The archive holds more than 64 files"
    )


def test_random_header_never_hangs() -> None:
    for seed in range(100):
        header = bytearray(tar({"a": b""})[:512])
        header[124:136] = struct.pack(">Bxxx", 0x80) + noise(8, seed)
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        with pytest.raises(ArchiveRefused):
            asyncio.run(check(bytes(header) + bytes(4096)))
