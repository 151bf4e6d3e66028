"""What a source of files is: it checks how a file is named, who may read it, and brings it to this machine."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from core.bytesize import readable
from core.errors import BadInput
from core.storage.file_cache import FileCache
from core.storage.object_store import Storage
from models.data.datasessions import Datasession
from models.permissions.principal import Principal

BASENAME_LIMIT = 1024


@dataclass(frozen=True)
class Asker:
    """Who wants to read a file, and in which data session; None for one that is not there yet."""

    principal: Principal
    datasession: Datasession | None = None


@dataclass(frozen=True)
class Fetched:
    """A file at hand: where it lies here, what people call it, and the SHA-256 of its bytes."""

    path: Path
    basename: str
    sha256: str


@dataclass(frozen=True)
class Admitted:
    """A file that may be named: its basename in the form that is kept, and what has to be kept or awaited for it.

    Files run in the order of their `place`, which is the basename if it is empty. A basename that only locates the
    file, as an id does, would make the same files of two people run in another order, which is other work.
    """

    basename: str
    place: str = ""
    uploads: frozenset[int] = field(default_factory=frozenset)
    needs: frozenset[int] = field(default_factory=frozenset)


class Source(ABC):
    """A place where files are. A subclass in a module of its own is all that a new one takes."""

    name: ClassVar[str]
    description: ClassVar[str]

    @abstractmethod
    async def admit(self, basename: str, asker: Asker) -> Admitted:
        """Return how the file is kept in mind; BadInput or NotFound says why it cannot be named by this caller.

        Nothing is fetched, so a file may still turn out to be gone, damaged or forbidden when it is.
        """

    @abstractmethod
    def fetch(self, item: Mapping[str, Any], asker: Asker) -> AbstractAsyncContextManager[Fetched]:
        """Bring the file here and keep it while the context is open, with the asker's rights as they are now."""

    @abstractmethod
    async def called(self, basename: str) -> str:
        """Return what people call the file, with which a script or a listing names it."""


def admissible(basename: object, path: tuple[str, ...]) -> str:
    """Return the basename if it could be one at all."""
    if not isinstance(basename, str) or not 0 < len(basename) <= BASENAME_LIMIT or not basename.isprintable():
        raise BadInput(f"A file has a basename of 1 to {BASENAME_LIMIT} printable characters.", path=path)
    return basename


@asynccontextmanager
async def copied(
    storage: Storage, storage_key: str, cache: FileCache, called: str, limit: int
) -> AsyncIterator[Fetched]:
    """Give a local copy of a file in our storage."""

    async def fill(path: Path) -> None:
        size = await storage.size(storage_key)
        if size > limit:
            raise BadInput(f"{called} has {readable(size)}; an operation reads files of at most {readable(limit)}.")
        with path.open("wb") as file:
            async for chunk in storage.get(storage_key):
                file.write(chunk)

    async with cache.held(f"stored:{storage_key}", fill) as kept:
        yield Fetched(kept.path, called, kept.sha256)
