"""Builds `docker save` archives in memory, sound ones and every kind of bad one."""

import gzip
import hashlib
import io
import json
import lzma
import random
import tarfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {"plain": bytes, "gzip": gzip.compress, "xz": lzma.compress}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def noise(size: int, seed: int = 0) -> bytes:
    """Return bytes that do not compress, always the same."""
    return random.Random(seed).randbytes(size)


def layer(**files: bytes) -> bytes:
    """Return the tar file of one layer."""
    return tar(files)


def tar(files: Mapping[str, bytes], links: Sequence[tarfile.TarInfo] = (), form: int = tarfile.GNU_FORMAT) -> bytes:
    """Return a tar file with `files` in order and then `links`."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=form) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for link in links:
            archive.addfile(link)
    return output.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


@dataclass
class Recipe:
    """An image to archive; change a field to make it invalid."""

    layers: list[bytes] = field(default_factory=lambda: [layer(a=b"first"), layer(b=b"second")])
    run: dict[str, Any] = field(
        default_factory=lambda: {
            "User": "1000:1000",
            "ExposedPorts": {"8080/tcp": {}, "4114/tcp": {}, "53/udp": {}},
            "Env": ["PATH=/bin", "A=b=c", "EMPTY="],
            "Entrypoint": ["/serve"],
            "Cmd": ["--all"],
            "WorkingDir": "/home",
            "Labels": {"org.example": "desk"},
        }
    )
    top: dict[str, Any] = field(default_factory=lambda: {"os": "linux", "architecture": "amd64"})
    tags: list[str] | None = field(default_factory=lambda: ["desk:1"])

    @property
    def diff_ids(self) -> list[str]:
        return [f"sha256:{sha256(content)}" for content in self.layers]

    @property
    def config(self) -> bytes:
        return as_json({**self.top, "config": self.run, "rootfs": {"type": "layers", "diff_ids": self.diff_ids}})

    @property
    def image_id(self) -> str:
        return f"sha256:{sha256(self.config)}"

    def docker(self) -> dict[str, bytes]:
        """Return the files that Docker before 25 writes, the manifest last."""
        names = [f"{number:064x}/layer.tar" for number in range(len(self.layers))]
        config = f"{sha256(self.config)}.json"
        manifest = [{"Config": config, "RepoTags": self.tags, "Layers": names}]
        files = dict(zip(names, self.layers, strict=True))
        return files | {config: self.config, "manifest.json": as_json(manifest), "repositories": b"{}"}

    def oci(self, compress: str = "plain") -> dict[str, bytes]:
        """Return the files that Docker from 25 on writes; with the containerd store the layers are compressed."""
        blobs = [COMPRESSIONS[compress](content) for content in self.layers]
        names = [f"blobs/sha256/{sha256(blob)}" for blob in blobs]
        config = f"blobs/sha256/{sha256(self.config)}"
        files = dict(zip(names, blobs, strict=True)) | {config: self.config}
        manifest = as_json({"config": {"digest": self.image_id}, "layers": [{"digest": name} for name in names]})
        files[f"blobs/sha256/{sha256(manifest)}"] = manifest
        files["index.json"] = as_json({"manifests": [{"digest": f"sha256:{sha256(manifest)}"}]})
        files["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
        return files | {"manifest.json": as_json([{"Config": config, "RepoTags": self.tags, "Layers": names}])}


def with_duplicates(recipe: Recipe, kind: bytes) -> bytes:
    """Return an archive of the old layout whose equal layers are links to the first."""
    files = recipe.docker()
    names = [name for name in files if name.endswith("layer.tar")]
    links = []
    for name in names[1:]:
        if files[name] == files[names[0]]:
            del files[name]
            links.append(link(name, f"../{names[0]}" if kind == tarfile.SYMTYPE else names[0], kind))
    return tar(files, links)


async def stream(content: bytes, size: int = 64 << 10) -> AsyncIterator[bytes]:
    """Yield `content` in chunks of `size` bytes."""
    for at in range(0, len(content), size):
        yield content[at : at + size]
