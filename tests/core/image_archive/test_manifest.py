"""The one image is described, and its faults are reported."""

import gzip
import json
from collections.abc import Callable

import pytest

from tests.core.image_archive.checks import SOUND, check, edited, refusal
from tests.core.sample_archives import COMPRESSIONS, Recipe, as_json, layer, sha256, tar


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("layout", [Recipe.docker, Recipe.oci])
async def test_valid_archive_is_described(compression: str, layout: Callable[[Recipe], dict[str, bytes]]) -> None:
    recipe = Recipe()

    image = await check(COMPRESSIONS[compression](tar(layout(recipe))))

    assert image.image_id == recipe.image_id
    assert (image.os, image.architecture, image.user) == ("linux", "amd64", "1000:1000")
    assert image.exposed_ports == (4114, 8080)
    assert image.environment == {"PATH": "/bin", "A": "b=c", "EMPTY": ""}
    assert (image.entrypoint, image.command, image.working_dir) == (("/serve",), ("--all",), "/home")
    assert (image.labels, image.repo_tags) == ({"org.example": "desk"}, ("desk:1",))
    assert (image.layer_count, image.size_bytes) == (2, sum(map(len, recipe.layers)))


@pytest.mark.parametrize("compression", COMPRESSIONS)
async def test_compressed_layer_digest_is_that_of_its_content(compression: str) -> None:
    recipe = Recipe()

    image = await check(tar(recipe.oci(compression)))

    assert image.image_id == recipe.image_id
    assert image.size_bytes == sum(map(len, recipe.layers))


async def test_old_layout_accepts_compressed_layers() -> None:
    files = Recipe().docker()
    zipped = {
        name: gzip.compress(content) if name.endswith("layer.tar") else content for name, content in files.items()
    }

    assert (await check(tar(zipped))).image_id == Recipe().image_id


async def test_the_manifest_may_come_first() -> None:
    files = Recipe().docker()

    assert await check(tar(dict(reversed(files.items())))) == await check(SOUND)


@pytest.mark.parametrize("name", ["config.json", "sha256:{}"])
async def test_other_configuration_names_are_accepted(name: str) -> None:
    files, recipe = Recipe().docker(), Recipe()
    config = files.pop(f"{sha256(recipe.config)}.json")
    chosen = name.format(sha256(config))
    files = edited(files | {chosen: config}, "manifest.json", lambda m: [m[0] | {"Config": chosen}])

    assert (await check(tar(files))).image_id == recipe.image_id


async def test_missing_optional_fields_are_empty() -> None:
    image = await check(tar(Recipe(run={"User": "app"}, tags=None).docker()))

    assert (image.exposed_ports, image.environment, image.entrypoint, image.command) == ((), {}, (), ())
    assert (image.labels, image.repo_tags, image.working_dir) == ({}, (), "")


async def test_platform_is_reported_not_checked() -> None:
    image = await check(tar(Recipe(top={"os": "windows", "architecture": "arm64"}).docker()))

    assert (image.os, image.architecture) == ("windows", "arm64")


@pytest.mark.parametrize(
    "top", [{}, {"os": "linux"}, {"architecture": "amd64"}, {"os": "li nux", "architecture": "amd64"}]
)
async def test_missing_platform_is_refused(top: dict[str, str]) -> None:
    assert "does not state its" in await refusal(tar(Recipe(top=top).docker()))


async def test_two_images_are_refused() -> None:
    files = edited(Recipe().docker(), "manifest.json", lambda entries: entries * 2)

    assert await refusal(tar(files)) == "The archive holds 2 images; save exactly one: docker save IMAGE | gzip."


@pytest.mark.parametrize("entries", [[], {}])
async def test_no_image_is_refused(entries: object) -> None:
    assert (await refusal(tar(Recipe().docker() | {"manifest.json": as_json(entries)}))).startswith(
        "The archive holds no image"
    )


async def test_missing_manifest_is_named() -> None:
    files = Recipe().docker()
    del files["manifest.json"]

    assert await refusal(tar(files)) == "manifest.json is missing: this is not the output of docker save."
    assert await refusal(tar({})) == "manifest.json is missing: this is not the output of docker save."


async def test_missing_configuration_is_named() -> None:
    files, name = Recipe().docker(), f"{sha256(Recipe().config)}.json"
    del files[name]

    assert (await refusal(tar(files))).startswith(f"The file {name} is missing from the archive")


async def test_missing_layer_is_named() -> None:
    files = Recipe().docker()
    name = next(iter(files))
    del files[name]

    assert (await refusal(tar(files))).startswith(f"The layer {name} is missing")


async def test_image_without_layers_is_refused() -> None:
    assert await refusal(tar(Recipe(layers=[]).docker())) == "The image is empty; build it with files in it."


async def test_unlisted_layer_is_refused() -> None:
    files = edited(Recipe().docker(), "manifest.json", lambda m: [m[0] | {"Layers": m[0]["Layers"][:1]}])

    assert (await refusal(tar(files))).startswith("The archive lists 1 layers and its image has 2")


@pytest.mark.parametrize("layout", [Recipe.docker, Recipe.oci])
async def test_changed_configuration_is_refused(layout: Callable[[Recipe], dict[str, bytes]]) -> None:
    files = layout(Recipe())
    name = next(name for name in files if sha256(Recipe().config) in name)

    assert "does not have the digest in its name" in await refusal(tar(files | {name: Recipe().config + b" "}))


async def test_changed_layer_is_refused() -> None:
    files = Recipe().docker()
    name = next(iter(files))

    assert await refusal(tar(files | {name: layer(a=b"evil!")})) == (
        f"The layer {name} does not have the digest that the image states; upload it again."
    )


@pytest.mark.parametrize("compression", COMPRESSIONS)
async def test_layer_with_other_unpacked_digest_is_refused(compression: str) -> None:
    files, evil = Recipe().oci(compression), COMPRESSIONS[compression](layer(a=b"evil!"))
    name = next(iter(files))
    files |= {f"blobs/sha256/{sha256(evil)}": evil}
    swapped = edited(
        files, "manifest.json", lambda m: json.loads(json.dumps(m).replace(name, f"blobs/sha256/{sha256(evil)}"))
    )

    assert "does not have the digest that the image states" in await refusal(tar(swapped))


@pytest.mark.parametrize("field", ["Config", "Layers"])
async def test_manifest_path_outside_archive_is_refused(field: str) -> None:
    value = ["../x", "../x"] if field == "Layers" else "../x"
    files = edited(Recipe().docker(), "manifest.json", lambda m: [m[0] | {field: value}])

    assert "unsafe path" in await refusal(tar(files))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("User", 5),
        ("User", ["a"]),
        ("Env", "A=b"),
        ("Env", [1]),
        ("Cmd", [None]),
        ("Labels", ["a"]),
        ("Labels", {"a": 1}),
        ("ExposedPorts", ["80"]),
        ("WorkingDir", {}),
        ("Entrypoint", 1),
    ],
)
async def test_field_of_wrong_type_is_refused(name: str, value: object) -> None:
    assert "is not" in await refusal(tar(Recipe(run={"User": "1000"} | {name: value}).docker()))
