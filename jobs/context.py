"""The contexts of jobs: what session jobs and data operations use, opened once for each worker or function call."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.engine.protocol import Engine
from core.settings import Settings
from models.sessions.sessions import Session

if TYPE_CHECKING:  # Archives of functions lack the libraries of storage and sources.
    from core.storage.object_store import Storage
    from jobs.data.process_pool import ProcessPool
    from models.services.data.sources.registry import Sources

CONTAINER_NAME = re.compile(r"-session-(\d+)$")


@dataclass(frozen=True)
class RegionContext:
    """The settings, engine and storage of every session job of one region; jobs find it under `region_context`."""

    settings: Settings
    engine: Engine
    storage: "Storage"
    region: str
    api_url: str

    @property
    def labels(self) -> dict[str, str]:
        """Labels that select the session containers of this region; an engine may have other containers too."""
        return {"carrel.instance": self.settings.instance, "carrel.region": self.region, "carrel.kind": "session"}

    @property
    def network(self) -> str:
        """Name of the network that the session containers join."""
        return f"{self.settings.instance}-sessions"

    def container_name(self, session: Session) -> str:
        """Return the name of the session's container; it is unique, so a session cannot have two."""
        return f"{self.settings.instance}-session-{session.id}"


@dataclass(frozen=True)
class DataContext:
    """The settings, storage, sources and processes of every data operation; jobs find it under `data_context`."""

    settings: Settings
    storage: "Storage"
    sources: "Sources"
    pool: "ProcessPool"


def session_id_of(container_name: str) -> int | None:
    """Return the id of the session that owns the container, or None when it is not a session's container."""
    match = CONTAINER_NAME.search(container_name)
    return int(match[1]) if match else None
