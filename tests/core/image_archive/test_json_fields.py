"""JSON is parsed strictly, with Docker's case-insensitive field names."""

from dataclasses import replace

import pytest

from tests.core.image_archive.checks import ROOT, SMALL, check, refusal, with_config
from tests.core.sample_archives import Recipe, tar


@pytest.mark.parametrize("other", ["USER", "user", "u\u017fer"])
async def test_second_spelling_of_user_is_refused(other: str) -> None:
    assert "has the field User more than once" in await refusal(
        tar(Recipe(run={"User": "1000", other: "root"}).docker())
    )


async def test_single_other_spelling_of_user_is_used() -> None:
    assert await refusal(tar(Recipe(run={"user": "root"}).docker())) == ROOT


@pytest.mark.parametrize(
    "config",
    [
        b"",
        b"no",
        b"{",
        b"\xff{}",
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b"[" * 100_000,
        b'{"a":' * 9_000,
        b'{"a": "\\u0000"}',
        b'{"a": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
async def test_configuration_of_invalid_json_is_refused(config: bytes) -> None:
    limits = replace(SMALL, json_bytes=1 << 20, kept_bytes=1 << 20)

    assert "is not valid JSON" in await refusal(with_config(config), limits)


@pytest.mark.parametrize("config", [b"[]", b"[1]"])
async def test_configuration_that_is_no_object_is_refused(config: bytes) -> None:
    assert "is not a JSON object" in await refusal(with_config(config))


async def test_escaped_backslash_is_not_a_zero_character() -> None:
    recipe = Recipe(run={"User": "1000", "Labels": {"pattern": "\\u0000"}})

    assert (await check(tar(recipe.docker()))).labels == {"pattern": "\\u0000"}
