"""The context of session jobs: settings, engine, storage and the region that the worker or function serves."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.engine.protocol import Engine
from core.settings import Settings
from models.sessions.sessions import Session

if TYPE_CHECKING:
    from core.storage.object_store import Storage


@dataclass(frozen=True)
class RegionContext:
    """The settings, engine and storage of every session job of one region."""

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


def get_region_context(context: Mapping[str, Any]) -> RegionContext:
    """Return the RegionContext that the worker put into the job's context."""
    region_context = context["region_context"]
    if not isinstance(region_context, RegionContext):
        raise TypeError("The job's context has no RegionContext; put one under region_context.")
    return region_context


CONTAINER_NAME = re.compile(r"-session-(\d+)$")


def session_id_of(container_name: str) -> int | None:
    """Return the id of the session that owns the container, or None when it is not a session's container."""
    match = CONTAINER_NAME.search(container_name)
    return int(match[1]) if match else None
