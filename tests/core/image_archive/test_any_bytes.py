"""Any bytes are described or refused; nothing hangs."""

import asyncio
import gzip
import json
import lzma
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.image_archive import ArchiveRefused
from tests.core.image_archive.checks import SOUND, SOUND_OCI, check, edited, with_config
from tests.core.sample_archives import Recipe, as_json, tar


def user_or_refusal(content: bytes, size: int = 64 << 10) -> str:
    """Return the user of an accepted image, else the sentence of the refusal."""
    try:
        return asyncio.run(check(content, size=size)).user
    except ArchiveRefused as refused:
        return refused.message


@settings(max_examples=400, deadline=None)
@given(
    base=st.sampled_from([SOUND, SOUND_OCI, gzip.compress(SOUND), lzma.compress(SOUND_OCI), tar(Recipe().oci("gzip"))]),
    edits=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=0, max_size=40), st.integers(0, 600)), max_size=5),
    end=st.floats(0, 1) | st.just(1.0),
    size=st.sampled_from([100, 4096, 1 << 20]),
)
def test_mutated_archive_raises_only_refusals(
    base: bytes, edits: list[tuple[float, bytes, int]], end: float, size: int
) -> None:
    content = base
    for where, new, removed in edits:
        at = int(where * len(content))
        content = content[:at] + new + content[at + removed :]
    content = content[: int(end * len(content))]

    assert user_or_refusal(content, size) == "1000:1000" or user_or_refusal(content, size).endswith((".", "| gzip."))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["config", "rootfs", "User"]), inner),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(["manifest.json", "index.json", "config"]),
    key=st.sampled_from(
        ["Config", "Layers", "RepoTags", "config", "rootfs", "os", "User", "ExposedPorts", "Env", "Labels", "manifests"]
    ),
    value=JSON,
)
def test_any_json_raises_only_refusals(name: str, key: str, value: object) -> None:
    def put(document: Any) -> Any:
        target = document[0] if isinstance(document, list) else document
        inner = target.get("config") if key[0].isupper() and name == "config" else target
        (inner if isinstance(inner, dict) else target)[key] = value
        return document

    if name == "config":
        content = with_config(as_json(put(json.loads(Recipe().config))))
    else:
        content = tar(edited(Recipe().oci(), name, put))

    assert user_or_refusal(content)
