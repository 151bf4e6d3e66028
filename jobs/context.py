"""What a job has at hand: settings, engine, storage, and the region that it serves."""

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
class Runtime:
    """The surroundings of every job of one worker."""

    settings: Settings
    engine: Engine
    storage: "Storage"
    region: str
    api_url: str

    @property
    def labels(self) -> dict[str, str]:
        """The labels by which the session containers of our region are found; others may be on the same engine."""
        return {"carrel.instance": self.settings.instance, "carrel.region": self.region, "carrel.kind": "session"}

    @property
    def network(self) -> str:
        """The network of the sessions."""
        return f"{self.settings.instance}-sessions"

    def container_name(self, session: Session) -> str:
        """Return the one name that the session's container can have."""
        return f"{self.settings.instance}-session-{session.id}"


def runtime_of(context: Mapping[str, Any]) -> Runtime:
    """Return the runtime that the worker put into the job's context."""
    runtime = context["runtime"]
    if not isinstance(runtime, Runtime):
        raise TypeError("The worker has no runtime.")
    return runtime


SESSION_NAME = re.compile(r"-session-(\d+)$")


def session_id_of(container_name: str) -> int | None:
    """Return the id of the session that a container of this name belongs to."""
    found = SESSION_NAME.search(container_name)
    return int(found[1]) if found else None
