"""The one image in an archive: found, its digests verified, described."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from core.image_archive import oci
from core.image_archive.config_rules import not_root, tcp_ports
from core.image_archive.index import Blob, Contents
from core.image_archive.json_fields import Fields, parse
from core.image_archive.limits import ArchiveLimits, ArchiveRefused, shown
from core.image_archive.tar import safe

CONFIG_NAME = re.compile(r"(?:.*[/:])?([0-9a-f]{64})(?:\.json)?")
PLATFORM = re.compile(r"[a-z0-9_.-]{1,32}")


@dataclass(frozen=True)
class ImageManifest:
    """An image as its archive describes it; every digest was computed, none believed."""

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
    """OCI manifests and indexes that lead to the image; an engine with the containerd store knows it by one of them."""


def describe(contents: Contents, limits: ArchiveLimits) -> ImageManifest:
    """Describe the image; refuse contents that are not exactly one sound image that runs as a user other than root."""
    oci.verify_names(contents)
    entry = _only_entry(contents, limits)
    name = safe(entry.text("Config"))
    config = Fields("the image configuration", _object(parse(contents, name, limits), "The image configuration"))
    image_id = _image_id(contents, name)
    layers = _layers(contents, entry, config)
    digests = oci.manifest_digests(contents, image_id, limits)
    return _manifest(image_id, entry.texts("RepoTags"), config, layers, digests)


def _only_entry(contents: Contents, limits: ArchiveLimits) -> Fields:
    if contents.find("manifest.json") is None:
        raise ArchiveRefused(
            "manifest.json is missing: this is an OCI archive; load it into Docker and use docker save."
            if contents.find("index.json")
            else "manifest.json is missing: this is not the output of docker save."
        )
    entries = parse(contents, "manifest.json", limits)
    if not isinstance(entries, list) or not entries:
        raise ArchiveRefused("The archive holds no image; save exactly one: docker save IMAGE | gzip.")
    if len(entries) > 1:
        raise ArchiveRefused(f"The archive holds {len(entries)} images; save exactly one: docker save IMAGE | gzip.")
    return Fields("manifest.json", _object(entries[0], "The entry in manifest.json"))


def _object(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ArchiveRefused(f"{what} is not a JSON object; save the image again with docker save.")
    return value


def _image_id(contents: Contents, name: str) -> str:
    """Give the digest of the configuration, which is the image's; a name that states a digest must state this one."""
    blob = contents.find(name)
    stated = CONFIG_NAME.fullmatch(name)
    if blob is None or (stated and blob.digest != f"sha256:{stated[1]}"):
        raise ArchiveRefused(
            f"The image configuration does not have the digest in its name {shown(name)}; upload it again."
        )
    return blob.digest


def _layers(contents: Contents, entry: Fields, config: Fields) -> list[Blob]:
    names, digests = entry.texts("Layers"), config.fields("rootfs").texts("diff_ids")
    if not digests:
        raise ArchiveRefused("The image is empty; build it with files in it.")
    if len(names) != len(digests):
        raise ArchiveRefused(
            f"The archive lists {len(names)} layers and its image has {len(digests)}; save it again with docker save."
        )
    return [_layer(contents, safe(name), digest) for name, digest in zip(names, digests, strict=True)]


def _layer(contents: Contents, name: str, digest: str) -> Blob:
    blob = contents.find(name)
    if blob is None:
        raise ArchiveRefused(
            f"The layer {shown(name)} is missing from the archive; save the image again with docker save."
        )
    if blob.unpacked_digest != digest:
        raise ArchiveRefused(
            f"The layer {shown(name)} does not have the digest that the image states; upload it again."
        )
    return blob


def _manifest(
    image_id: str, tags: tuple[str, ...], config: Fields, layers: list[Blob], digests: tuple[str, ...]
) -> ImageManifest:
    run = config.fields("config")
    return ImageManifest(
        image_id=image_id,
        repo_tags=tags,
        os=_platform(config, "os"),
        architecture=_platform(config, "architecture"),
        user=not_root(run.text("User")),
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


def _platform(config: Fields, name: str) -> str:
    value = config.text(name)
    if not PLATFORM.fullmatch(value):
        raise ArchiveRefused(f"The image does not state its {name}; build it again with docker build.")
    return value


def _environment(run: Fields) -> dict[str, str]:
    pairs = (line.partition("=") for line in run.texts("Env"))
    return {name: value for name, _, value in pairs}


def _labels(run: Fields) -> dict[str, str]:
    labels = run.mapping("Labels")
    if not all(isinstance(value, str) for value in labels.values()):
        raise ArchiveRefused("A label of the image is not a text; correct the LABEL lines of its Dockerfile.")
    return dict(labels)
