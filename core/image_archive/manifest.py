"""Finds the one image of an archive, verifies its digests, and describes it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from core.image_archive import oci
from core.image_archive.config_rules import require_non_root, tcp_ports
from core.image_archive.index import ArchiveIndex, Blob
from core.image_archive.json_fields import JsonFields, parse
from core.image_archive.limits import ArchiveLimits, ArchiveRefused, quoted
from core.image_archive.tar import safe_path

CONFIG_NAME = re.compile(r"(?:.*[/:])?([0-9a-f]{64})(?:\.json)?")
PLATFORM = re.compile(r"[a-z0-9_.-]{1,32}")


@dataclass(frozen=True)
class ImageManifest:
    """An image as its archive describes it; every digest was computed."""

    image_id: str
    repo_tags: tuple[str, ...]
    os: str
    architecture: str
    user: str
    exposed_ports: tuple[int, ...]
    environment: Mapping[str, str]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    working_dir: str
    labels: Mapping[str, str]
    layer_count: int
    size_bytes: int
    """The size of all layers, uncompressed."""
    manifest_digests: tuple[str, ...] = ()
    """The OCI manifests and indexes of the image; an engine with the containerd store uses one of them as its id."""


def describe(index: ArchiveIndex, limits: ArchiveLimits) -> ImageManifest:
    """Describe the image; refuse an index that is not exactly one valid image with a user other than root."""
    oci.verify_names(index)
    entry = _only_entry(index, limits)
    name = safe_path(entry.text("Config"))
    config = JsonFields("the image configuration", _object(parse(index, name, limits), "The image configuration"))
    image_id = _image_id(index, name)
    layers = _layers(index, entry, config)
    digests = oci.manifest_digests(index, image_id, limits)
    return _manifest(image_id, entry.texts("RepoTags"), config, layers, digests)


def _only_entry(index: ArchiveIndex, limits: ArchiveLimits) -> JsonFields:
    if index.find("manifest.json") is None:
        raise ArchiveRefused(
            "manifest.json is missing: this is an OCI archive; load it into Docker and use docker save."
            if index.find("index.json")
            else "manifest.json is missing: this is not the output of docker save."
        )
    entries = parse(index, "manifest.json", limits)
    if not isinstance(entries, list) or not entries:
        raise ArchiveRefused("The archive holds no image; save exactly one: docker save IMAGE | gzip.")
    if len(entries) > 1:
        raise ArchiveRefused(f"The archive holds {len(entries)} images; save exactly one: docker save IMAGE | gzip.")
    return JsonFields("manifest.json", _object(entries[0], "The entry in manifest.json"))


def _object(value: object, subject: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ArchiveRefused(f"{subject} is not a JSON object; save the image again with docker save.")
    return value


def _image_id(index: ArchiveIndex, name: str) -> str:
    """Return the digest of the configuration, which is the image's id; a digest in its name must be equal."""
    blob = index.find(name)
    stated = CONFIG_NAME.fullmatch(name)
    if blob is None or (stated and blob.digest != f"sha256:{stated[1]}"):
        raise ArchiveRefused(
            f"The image configuration does not have the digest in its name {quoted(name)}; upload it again."
        )
    return blob.digest


def _layers(index: ArchiveIndex, entry: JsonFields, config: JsonFields) -> list[Blob]:
    names, digests = entry.texts("Layers"), config.fields("rootfs").texts("diff_ids")
    if not digests:
        raise ArchiveRefused("The image is empty; build it with files in it.")
    if len(names) != len(digests):
        raise ArchiveRefused(
            f"The archive lists {len(names)} layers and its image has {len(digests)}; save it again with docker save."
        )
    return [_layer(index, safe_path(name), digest) for name, digest in zip(names, digests, strict=True)]


def _layer(index: ArchiveIndex, name: str, digest: str) -> Blob:
    blob = index.find(name)
    if blob is None:
        raise ArchiveRefused(
            f"The layer {quoted(name)} is missing from the archive; save the image again with docker save."
        )
    if blob.unpacked_digest != digest:
        raise ArchiveRefused(
            f"The layer {quoted(name)} does not have the digest that the image states; upload it again."
        )
    return blob


def _manifest(
    image_id: str, tags: tuple[str, ...], config: JsonFields, layers: list[Blob], digests: tuple[str, ...]
) -> ImageManifest:
    run = config.fields("config")
    return ImageManifest(
        image_id=image_id,
        repo_tags=tags,
        os=_platform(config, "os"),
        architecture=_platform(config, "architecture"),
        user=require_non_root(run.text("User")),
        exposed_ports=tcp_ports(run.mapping("ExposedPorts")),
        environment=_environment(run),
        entrypoint=run.command("Entrypoint"),
        command=run.command("Cmd"),
        working_dir=run.text("WorkingDir"),
        labels=_labels(run),
        layer_count=len(layers),
        size_bytes=sum(layer.unpacked_size for layer in layers),
        manifest_digests=digests,
    )


def _platform(config: JsonFields, name: str) -> str:
    value = config.text(name)
    if not PLATFORM.fullmatch(value):
        raise ArchiveRefused(f"The image does not state its {name}; build it again with docker build.")
    return value


def _environment(run: JsonFields) -> dict[str, str]:
    pairs = (line.partition("=") for line in run.texts("Env"))
    return {name: value for name, _, value in pairs}


def _labels(run: JsonFields) -> dict[str, str]:
    labels = run.mapping("Labels")
    if not all(isinstance(value, str) for value in labels.values()):
        raise ArchiveRefused("A label of the image is not a text; correct the LABEL lines of its Dockerfile.")
    return dict(labels)
