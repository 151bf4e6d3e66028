"""The interface of file sources: resolve a file reference for a user, and provide a local copy. Plugins use it."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from core.bytesize import format_bytes
from core.errors import BadInput
from core.storage.file_cache import FileCache
from models.data.datasessions import Datasession
from models.permissions.principal import Principal

if TYPE_CHECKING:  # Archives of functions without files lack the storage library.
    from core.storage.object_store import Storage


@dataclass(frozen=True)
class FileRequester:
    """The principal that reads a file, and its data session; None while the data session is being created."""

    principal: Principal
    datasession: Datasession | None = None


@dataclass(frozen=True)
class LocalFile:
    """A local copy of a file: its path, its display name, and the SHA-256 of its bytes."""

    path: Path
    basename: str
    sha256: str


@dataclass(frozen=True)
class ResolvedFile:
    """A resolved file: its canonical basename, the uploads to keep and the operations to wait for.

    Operations read files in the order of their `sort_key`, or of the basename if it is empty. A source whose basenames
    are ids sets it, so that equal files of two users have the same order and the same result key.
    """

    basename: str
    sort_key: str = ""
    upload_ids: frozenset[int] = field(default_factory=frozenset)
    operation_ids: frozenset[int] = field(default_factory=frozenset)


class Source(ABC):
    """A source of files. A new source is a subclass in its own module."""

    name: ClassVar[str]
    description: ClassVar[str]

    @abstractmethod
    async def resolve(self, basename: str, requester: FileRequester) -> ResolvedFile:
        """Return the resolved file; BadInput or NotFound if this caller cannot use it.

        It fetches nothing, so `fetch` may still find the file missing, damaged or forbidden.
        """

    @abstractmethod
    def fetch(self, item: Mapping[str, Any], requester: FileRequester) -> AbstractAsyncContextManager[LocalFile]:
        """Provide a local copy while the context is open, with the requester's current permissions."""

    @abstractmethod
    async def display_name(self, basename: str) -> str:
        """Return the file name for scripts and listings."""


@asynccontextmanager
async def local_copy(
    storage: "Storage", storage_key: str, cache: FileCache, display_name: str, limit: int
) -> AsyncIterator[LocalFile]:
    """Return a local copy of a file in the platform's storage."""

    async def fill(path: Path) -> None:
        size = await storage.size(storage_key)
        if size > limit:
            raise BadInput(
                f"{display_name} has {format_bytes(size)}; an operation reads files of at most {format_bytes(limit)}."
            )
        with path.open("wb") as file:
            async for chunk in storage.get(storage_key):
                file.write(chunk)

    async with cache.pin(f"stored:{storage_key}", fill) as cached:
        yield LocalFile(cached.path, display_name, cached.sha256)
