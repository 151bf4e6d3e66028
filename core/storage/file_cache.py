"""Files kept on disk for a while: fetched once by whoever comes first, evicted by last use, never while in use.

Each entry has a lock file. Who uses the entry holds its lock shared, who fetches or evicts it holds it alone; the
kernel lets go of the locks of a process that died. So one download serves all tasks and processes over the folder, and
nothing has to be repaired after a crash but half-written parts, which `reconcile` takes away.
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

from core.bytesize import readable
from core.errors import BadInput, Unavailable

ROOM = "room"
"""The lock file of who makes room for a newcomer."""
FIRST_PAUSE = 0.01
LONGEST_PAUSE = 0.25
Fill = Callable[[Path], Awaitable[None]]
"""Writes the whole content into the file at the path, or raises."""


@dataclass(frozen=True)
class Kept:
    """A file in the cache; `sha256` is 64 hexadecimal digits."""

    path: Path
    size: int
    sha256: str


class FileCache:
    """One folder of at most `limit` bytes, which any number of processes may share."""

    def __init__(self, folder: Path, limit: int) -> None:
        """Keep files in `folder`, which is made when it is needed."""
        self._folder, self._limit = folder, limit

    @asynccontextmanager
    async def held(self, key: str, fill: Fill) -> AsyncIterator[Kept]:
        """Give the file of `key` while the context is open; `fill` makes it when it is not there.

        BadInput when it is larger than the whole cache, Unavailable when all else in the cache is in use.
        """
        name, pause = hashlib.sha256(key.encode()).hexdigest(), FIRST_PAUSE
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            if shared := self._lock(name, fcntl.LOCK_SH):
                with shared:
                    if kept := await asyncio.to_thread(self._find, name):
                        yield kept
                        return
            if alone := self._lock(name, fcntl.LOCK_EX):
                with alone:
                    if await asyncio.to_thread(self._find, name) is None:
                        await self._fetch(name, fill)
                continue
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def reconcile(self) -> None:
        """Take away what a crash left: parts, files without their note, notes without their file; then make room."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in sorted({path.stem for path in self._folder.iterdir() if path.name != ROOM}):
            if alone := self._lock(name, fcntl.LOCK_EX):
                with alone:
                    if self._find(name) is None:
                        self._drop(name)
                    self._path(name, "part").unlink(missing_ok=True)
        self._make_room(0, "")

    def names(self) -> dict[str, int]:
        """Return the size of every whole file, by its name in the folder, the least recently used first."""
        notes = []
        for note in self._folder.glob("*.json"):
            with suppress(FileNotFoundError):
                notes.append((note.stat().st_mtime_ns, note.stem, self._path(note.stem, "data").stat().st_size))
        return {name: size for _, name, size in sorted(notes)}

    async def _fetch(self, name: str, fill: Fill) -> None:
        part = self._path(name, "part")
        try:
            await fill(part)
            await asyncio.to_thread(self._admit, name, part)
        finally:
            part.unlink(missing_ok=True)

    def _admit(self, name: str, part: Path) -> None:
        size = part.stat().st_size
        if size > self._limit:
            raise BadInput(f"The file is larger than the cache of {readable(self._limit)}; it cannot be read here.")
        with part.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        with (self._folder / ROOM).open("ab") as room:
            fcntl.flock(room, fcntl.LOCK_EX)  # Of two newcomers the second sees the first.
            if not self._make_room(size, name):
                raise Unavailable("The cache of files is full of files in use; it is tried again later.")
            part.replace(self._path(name, "data"))
            note = self._path(name, "note")
            note.write_text(json.dumps({"size": size, "sha256": digest}))
            note.replace(self._path(name, "json"))

    def _find(self, name: str) -> Kept | None:
        data, note = self._path(name, "data"), self._path(name, "json")
        try:
            told = json.loads(note.read_text())
            if data.stat().st_size != told["size"]:
                return None
            os.utime(note)
        except (FileNotFoundError, ValueError, KeyError):
            return None
        return Kept(data, told["size"], told["sha256"])

    def _make_room(self, size: int, newcomer: str) -> bool:
        """Evict the least recently used that nobody uses, until `size` bytes more fit; say whether they do."""
        names = self.names()
        total = sum(names.values()) + size
        for name, freed in names.items():
            if total <= self._limit:
                break
            alone = self._lock(name, fcntl.LOCK_EX) if name != newcomer else None
            if alone:
                with alone:
                    self._drop(name)
                    total -= freed
        return total <= self._limit

    def _drop(self, name: str) -> None:
        for suffix in ("json", "note", "data", "lock"):
            self._path(name, suffix).unlink(missing_ok=True)

    def _lock(self, name: str, kind: int) -> BinaryIO | None:
        """Return the open and locked lock file of an entry; None while somebody else's lock forbids it."""
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
            opened.close()  # The entry was evicted between the two, and its lock file with it.

    def _path(self, name: str, suffix: str) -> Path:
        return self._folder / f"{name}.{suffix}"


def _same_file(opened: BinaryIO, path: Path) -> bool:
    try:
        return os.fstat(opened.fileno()).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False
