"""index.json and manifest.json lead to one image, and blobs have the digests in their names."""

import json

import pytest

from tests.core.image_archive.checks import check, edited, refusal
from tests.core.sample_archives import Recipe, as_json, sha256, tar


async def test_manifest_digests_of_the_image_are_returned() -> None:
    files = Recipe().oci()
    attestation = as_json({"config": {"digest": "sha256:" + "1" * 64}})
    real = json.loads(files["index.json"])["manifests"][0]["digest"]
    unknown = {"os": "unknown", "architecture": "unknown"}
    inner = as_json(
        {
            "manifests": [
                {"digest": real},
                {"digest": f"sha256:{sha256(attestation)}", "platform": unknown},
                {"digest": "sha256:" + "2" * 64, "platform": {"os": "linux", "architecture": "arm64"}},
            ]
        }
    )
    for blob in (attestation, inner):
        files[f"blobs/sha256/{sha256(blob)}"] = blob
    files["index.json"] = as_json({"manifests": [{"digest": f"sha256:{sha256(inner)}"}]})

    assert (await check(tar(files))).manifest_digests == (f"sha256:{sha256(inner)}", real)


async def test_oci_archive_without_manifest_is_explained() -> None:
    files = Recipe().oci()
    del files["manifest.json"]

    assert (await refusal(tar(files))).startswith("manifest.json is missing: this is an OCI archive; load it")


async def test_index_and_manifest_must_name_one_image() -> None:
    files, other = Recipe().oci(), Recipe(run={"User": "root"}).oci()

    sentence = await refusal(tar(files | other | {"manifest.json": files["manifest.json"]}))

    assert sentence.startswith("index.json leads to another image than manifest.json")


@pytest.mark.parametrize("digest", ["sha512:" + "0" * 128, "", "sha256:" + "0" * 64])
async def test_index_must_lead_to_the_image(digest: str) -> None:
    files = Recipe().oci() | {"index.json": as_json({"manifests": [{"digest": digest}]})}

    assert (await refusal(tar(files))).startswith("index.json leads to another image")


async def test_blob_digest_must_match_its_name() -> None:
    assert "does not have the digest in its name" in await refusal(
        tar(Recipe().oci() | {f"blobs/sha256/{'0' * 64}": b"x"})
    )


async def test_repeated_index_entry_is_read_once() -> None:
    files = Recipe().oci()
    attestation = as_json({"config": {}, "padding": ["x" * 50_000]})
    files[f"blobs/sha256/{sha256(attestation)}"] = attestation
    unknown = {"platform": {"os": "unknown", "architecture": "unknown"}, "digest": f"sha256:{sha256(attestation)}"}
    files = edited(files, "index.json", lambda index: {"manifests": index["manifests"] + [unknown] * 400})

    assert len((await check(tar(files))).manifest_digests) == 1


async def test_other_image_cannot_pass_as_attestation() -> None:
    files, other = Recipe().oci(), Recipe(run={"User": "root"}).oci()
    hidden = json.loads(other["index.json"])["manifests"][0]
    both = [hidden | {"platform": {"os": "unknown", "architecture": "unknown"}}, hidden]
    joined = other | files
    joined = edited(joined, "index.json", lambda index: {"manifests": index["manifests"] + both})

    assert (await refusal(tar(joined))).startswith("index.json leads to another image")
