"""Reads the one image of a `docker save` archive, to give it the id that a real engine would."""

import hashlib
import json
import tarfile
from typing import IO, Any

from core.engine.protocol import EngineImage, EngineRefused


def digest(content: bytes) -> str:
    """Return the id of an image whose configuration is `content`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def read_archive(file: IO[bytes]) -> EngineImage:
    """Return the image of the archive; EngineRefused when there is none."""
    file.seek(0)
    try:
        with tarfile.open(fileobj=file, mode="r:*") as archive:
            manifest = json.loads(_member(archive, "manifest.json"))
            config = _member(archive, manifest[0]["Config"])
            return _image(config, json.loads(config), manifest[0].get("RepoTags"))
    except (tarfile.TarError, EOFError, OSError, ValueError, KeyError, IndexError) as error:
        raise EngineRefused("The engine could not load the archive; it is not what `docker save` writes.") from error


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    if member is None:
        raise KeyError(name)
    return member.read()


def _image(content: bytes, config: dict[str, Any], tags: list[str] | None) -> EngineImage:
    settings = config.get("config") or {}
    return EngineImage(
        id=digest(content),
        tags=tuple(tags or ()),
        size_bytes=len(content),
        user=settings.get("User", ""),
        exposed_ports=tuple(sorted(int(port.split("/")[0]) for port in settings.get("ExposedPorts") or {})),
        architecture=config.get("architecture", ""),
        os=config.get("os", "linux"),
    )
