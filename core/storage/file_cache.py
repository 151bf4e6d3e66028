"""A disk cache of files, shared by processes: each file is fetched once and evicted by last use; operations use it.

Each entry has a lock file. A reader holds its lock shared; fetching and evicting hold it exclusively. The kernel
releases the locks of a dead process, so a crash leaves only partial files, which `reconcile` deletes.
"""

import asyncio
import fcntl
import hashlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.bytesize import format_bytes
from core.errors import BadInput, Unavailable

EVICTION_LOCK = "room"
"""The lock file of the eviction."""
INITIAL_PAUSE_SECONDS = 0.01
MAX_PAUSE_SECONDS = 0.25
Loader = Callable[[Path], Awaitable[None]]
"""Writes the whole content to the path, or raises."""


@dataclass(frozen=True)
class CachedFile:
    """A file in the cache; `sha256` is 64 hexadecimal digits."""

    path: Path
    size: int
    sha256: str


class FileCache:
    """A folder of at most `limit` bytes that any number of processes may share."""

    def __init__(self, folder: Path, limit: int) -> None:
        """Store the files in `folder`, created on first use."""
        self._folder, self._limit = folder, limit

    @asynccontextmanager
    async def pin(self, key: str, load: Loader) -> AsyncIterator[CachedFile]:
        """Yield the file of `key`, which is not evicted while the context is open; `load` writes it on a miss.

        BadInput when it is larger than the whole cache, Unavailable when all other files are in use.
        """
        name, pause = hashlib.sha256(key.encode()).hexdigest(), INITIAL_PAUSE_SECONDS
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            if shared := self._lock(name, fcntl.LOCK_SH):
                with shared:
                    if cached := await asyncio.to_thread(self._find, name):
                        yield cached
                        return
            if exclusive := self._lock(name, fcntl.LOCK_EX):
                with exclusive:
                    if await asyncio.to_thread(self._find, name) is None:
                        await self._fetch(name, load)
                continue
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_PAUSE_SECONDS)

    def reconcile(self) -> None:
        """Delete what a crash left: partial files, and files or metadata without the other; then evict to the limit."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in sorted({path.stem for path in self._folder.iterdir() if path.name != EVICTION_LOCK}):
            if exclusive := self._lock(name, fcntl.LOCK_EX):
                with exclusive:
                    if self._find(name) is None:
                        self._remove(name)
                    self._path(name, "part").unlink(missing_ok=True)
        self._evict(0, "")

    def sizes(self) -> dict[str, int]:
        """Return the size of each complete file by its name in the folder, the least recently used first."""
        found = []
        for note in self._folder.glob("*.json"):
            with suppress(FileNotFoundError):
                found.append((note.stat().st_mtime_ns, note.stem, self._path(note.stem, "data").stat().st_size))
        return {name: size for _, name, size in sorted(found)}

    async def _fetch(self, name: str, fill: Loader) -> None:
        part = self._path(name, "part")
        try:
            await fill(part)
            await asyncio.to_thread(self._store, name, part)
        finally:
            part.unlink(missing_ok=True)

    def _store(self, name: str, part: Path) -> None:
        size = part.stat().st_size
        if size > self._limit:
            raise BadInput(f"The file is larger than the cache of {format_bytes(self._limit)}; it cannot be read here.")
        with part.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        with (self._folder / EVICTION_LOCK).open("ab") as lock_file:
            fcntl.flock(lock_file, fcntl.LOCK_EX)  # Two concurrent stores must see each other's size.
            if not self._evict(size, name):
                raise Unavailable("The file cache is full of files in use; it will be tried again later.")
            part.replace(self._path(name, "data"))
            note = self._path(name, "note")
            note.write_text(json.dumps({"size": size, "sha256": digest}))
            # The metadata comes last: an entry counts as complete once it exists.
            note.replace(self._path(name, "json"))

    def _find(self, name: str) -> CachedFile | None:
        data, note = self._path(name, "data"), self._path(name, "json")
        try:
            metadata = json.loads(note.read_text())
            if data.stat().st_size != metadata["size"]:
                return None
            # The time of last use, by which entries are evicted.
            os.utime(note)
        except (FileNotFoundError, ValueError, KeyError):
            return None
        return CachedFile(data, metadata["size"], metadata["sha256"])

    def _evict(self, size: int, new_name: str) -> bool:
        """Evict the least recently used free files until `size` bytes more fit, and return whether they fit."""
        sizes = self.sizes()
        total = sum(sizes.values()) + size
        for name, freed in sizes.items():
            if total <= self._limit:
                break
            exclusive = self._lock(name, fcntl.LOCK_EX) if name != new_name else None
            if exclusive:
                with exclusive:
                    self._remove(name)
                    total -= freed
        return total <= self._limit

    def _remove(self, name: str) -> None:
        for suffix in ("json", "note", "data", "lock"):
            self._path(name, suffix).unlink(missing_ok=True)

    def _lock(self, name: str, kind: int) -> BinaryIO | None:
        """Return the open, locked lock file of an entry; None when another holder's lock prevents it."""
        path = self._path(name, "lock")
        while True:
            opened = path.open("ab")
            try:
                fcntl.flock(opened, kind | fcntl.LOCK_NB)
                if _same_file(opened, path):
                    return opened
            except BlockingIOError:
                opened.close()
                return None
            opened.close()  # The entry and its lock file were evicted between open and flock.

    def _path(self, name: str, suffix: str) -> Path:
        return self._folder / f"{name}.{suffix}"


def _same_file(opened: BinaryIO, path: Path) -> bool:
    try:
        return os.fstat(opened.fileno()).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False
