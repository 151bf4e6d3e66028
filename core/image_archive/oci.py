"""Checks the OCI part of an archive: blobs named by digest, and an index that leads to the same image."""

import re
from typing import Any

from core.image_archive.index import ArchiveIndex
from core.image_archive.json_fields import JsonFields, parse
from core.image_archive.limits import ArchiveLimits, ArchiveRefused, quoted

BLOB_NAME = re.compile(r"blobs/sha256/([0-9a-f]{64})")
DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
OTHER_IMAGE = "index.json leads to another image than manifest.json; save exactly one: docker save IMAGE | gzip."


def verify_names(archive: ArchiveIndex) -> None:
    """Refuse a blob whose name contains another digest than that of its content."""
    for name, blob in archive.blobs.items():
        stated = BLOB_NAME.fullmatch(name)
        if stated and blob.digest != f"sha256:{stated[1]}":
            raise ArchiveRefused(f"The file {quoted(name)} does not have the digest in its name; upload it again.")


def manifest_digests(archive: ArchiveIndex, image_id: str, limits: ArchiveLimits) -> tuple[str, ...]:
    """Return the manifests and indexes from index.json to the image, outermost first; none without index.json.

    Docker with the containerd store reads index.json, and other engines read manifest.json, so both must name one
    image. Attestations are skipped, and so are images of other platforms that are not in the archive.
    """
    if archive.find("index.json") is None:
        return ()
    index = parse(archive, "index.json", limits)
    queue = list(_document("index.json", index).objects("manifests"))
    indexes: list[str] = []
    manifests: list[str] = []
    seen: set[tuple[str, bool]] = set()
    # The list grows while it is iterated: indexes may nest.
    for descriptor in queue:
        digest = descriptor.text("digest")
        name = _blob_name(digest)
        reading = (digest, _is_attestation(descriptor))
        if reading in seen or archive.find(name) is None:
            continue
        seen.add(reading)
        document = _document(name, parse(archive, name, limits))
        children = document.objects("manifests")
        queue.extend(children)
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


def _document(name: str, value: Any) -> JsonFields:
    if not isinstance(value, dict):
        raise ArchiveRefused(f"{name} is not a JSON object; save the image again with docker save.")
    return JsonFields(name, value)


def _is_image(descriptor: JsonFields, document: JsonFields, image_id: str) -> bool:
    """Return whether a manifest is the image's; False for an attestation."""
    if document.fields("config").text("digest") == image_id:
        return True
    if _is_attestation(descriptor):
        return False
    raise ArchiveRefused(OTHER_IMAGE)


def _is_attestation(descriptor: JsonFields) -> bool:
    """Return whether a manifest is marked as an attestation: its platform is unknown, so no engine runs it."""
    platform = descriptor.fields("platform")
    return platform.text("os") == platform.text("architecture") == "unknown"
