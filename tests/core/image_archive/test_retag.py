"""The names in an archive do not reach the engine."""

import tarfile
from io import BytesIO

import orjson
import pytest

from core import image_archive
from tests.core import sample_archives

TAG = "carrel-imported/test:image-7"


async def _retagged(content: bytes, size: int) -> bytes:
    return b"".join([piece async for piece in image_archive.retagged(sample_archives.stream(content, size), TAG)])


@pytest.mark.parametrize("size", [100, 512, 64 << 10])
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("layout", ["docker", "oci"])
async def test_image_is_unchanged_except_its_tag(layout: str, form: int, size: int) -> None:
    recipe = sample_archives.Recipe()
    content = sample_archives.tar(getattr(recipe, layout)(), form=form)

    renamed = await _retagged(content, size)

    manifest = await image_archive.inspect(sample_archives.stream(renamed))
    assert (manifest.image_id, manifest.repo_tags) == (recipe.image_id, (TAG,))


async def test_repositories_file_is_dropped() -> None:
    files = sample_archives.Recipe().docker() | {"repositories": b'{"debian":{"latest":"x"}}'}

    renamed = await _retagged(sample_archives.tar(files), 4096)

    with tarfile.open(fileobj=BytesIO(renamed)) as opened:
        assert "repositories" not in opened.getnames()
        assert set(opened.getnames()) == set(files) - {"repositories"}


async def test_index_names_are_replaced() -> None:
    files = sample_archives.Recipe().oci()
    index = orjson.loads(files["index.json"])
    index["manifests"][0]["annotations"] = {"io.containerd.image.name": "docker.io/library/debian:latest", "kept": "1"}
    files["index.json"] = orjson.dumps(index)

    renamed = await _retagged(sample_archives.tar(files), 4096)

    with tarfile.open(fileobj=BytesIO(renamed)) as opened:
        found = orjson.loads(opened.extractfile("index.json").read())  # type: ignore[union-attr]
    assert found["manifests"][0]["annotations"] == {
        "kept": "1",
        "io.containerd.image.name": "docker.io/carrel-imported/test:image-7",
        "org.opencontainers.image.ref.name": "image-7",
    }
