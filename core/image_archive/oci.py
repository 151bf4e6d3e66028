"""The OCI side of an archive: blobs named by their digests, and an index that must lead to the same image."""

import re
from typing import Any

from core.image_archive.index import Contents
from core.image_archive.json_fields import Fields, parse
from core.image_archive.limits import ArchiveLimits, ArchiveRefused, shown

BLOB_NAME = re.compile(r"blobs/sha256/([0-9a-f]{64})")
DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
OTHER_IMAGE = "index.json leads to another image than manifest.json; save exactly one: docker save IMAGE | gzip."


def verify_names(contents: Contents) -> None:
    """Refuse a blob whose name states another digest than its content has."""
    for name, blob in contents.blobs.items():
        stated = BLOB_NAME.fullmatch(name)
        if stated and blob.digest != f"sha256:{stated[1]}":
            raise ArchiveRefused(f"The file {shown(name)} does not have the digest in its name; upload it again.")


def manifest_digests(contents: Contents, image_id: str, limits: ArchiveLimits) -> tuple[str, ...]:
    """Give the manifests and indexes that lead from index.json to the image, outermost first; none without index.json.

    Docker with the containerd store reads index.json and other engines read manifest.json, so both must name one image.
    Attestations, and images of other platforms that were left out of the archive, are passed over.
    """
    if contents.find("index.json") is None:
        return ()
    index = parse(contents, "index.json", limits)
    waiting = list(_index("index.json", index).objects("manifests"))
    indexes: list[str] = []
    manifests: list[str] = []
    seen: set[tuple[str, bool]] = set()
    for descriptor in waiting:
        digest = descriptor.text("digest")
        name = _blob_name(digest)
        reading = (digest, _is_attestation(descriptor))
        if reading in seen or contents.find(name) is None:
            continue
        seen.add(reading)
        document = _index(name, parse(contents, name, limits))
        children = document.objects("manifests")
        waiting.extend(children)
        if children:
            indexes.append(digest)
        elif _is_image(descriptor, document, image_id):
            manifests.append(digest)
    if not manifests:
        raise ArchiveRefused(OTHER_IMAGE)
    return tuple(dict.fromkeys((*indexes, *manifests)))


def _blob_name(digest: str) -> str:
    stated = DIGEST.fullmatch(digest)
    if stated is None:
        raise ArchiveRefused(OTHER_IMAGE)
    return f"blobs/sha256/{stated[1]}"


def _index(name: str, value: Any) -> Fields:
    if not isinstance(value, dict):
        raise ArchiveRefused(f"{name} is not a JSON object; save the image again with docker save.")
    return Fields(name, value)


def _is_image(descriptor: Fields, document: Fields, image_id: str) -> bool:
    """Tell whether a manifest is the image's; False for an attestation."""
    if document.fields("config").text("digest") == image_id:
        return True
    if _is_attestation(descriptor):
        return False
    raise ArchiveRefused(OTHER_IMAGE)


def _is_attestation(descriptor: Fields) -> bool:
    """Tell whether an index calls a manifest an attestation; no engine runs what has an unknown platform."""
    platform = descriptor.fields("platform")
    return platform.text("os") == platform.text("architecture") == "unknown"
