"""For hosts that run functions-framework: `--target http` for signed bells, `--target event` for CloudEvents.

Whoever sends CloudEvents is known to the platform, which lets nobody else call; a bell by HTTP is signed.
"""

import asyncio
import base64
import json
import logging
from collections.abc import Mapping
from typing import Any, Protocol

from core.errors import CarrelError
from core.queue.functions.waker import HEADER
from jobs.functions.invocation import answer, read, understood
from jobs.functions.start import refuse_what_cannot_be, settings
from jobs.functions.trust import trusted

log = logging.getLogger(__name__)


class Request(Protocol):
    """What the framework hands over: a request of Flask."""

    headers: Mapping[str, str]

    def get_data(self) -> bytes:
        """Return the body."""
        ...


class CloudEvent(Protocol):
    """What the framework hands over: an event, whose `data` says what is asked."""

    data: Any


def http(request: Request) -> tuple[str, int, dict[str, str]]:
    """Answer a signed bell."""
    body = request.get_data()
    try:
        trusted(settings(), request.headers.get(HEADER), body)
        told, status = _run(read(body)), 200
    except CarrelError as refusal:
        told, status = {"code": refusal.code, "message": refusal.message}, refusal.status
    return json.dumps(told), status, {"Content-Type": "application/json"}


def event(cloud_event: CloudEvent) -> None:
    """Do what an event asks for."""
    log.info("answered %s", _run(_unwrapped(cloud_event.data)))


def _run(said: object) -> dict[str, Any]:
    """Answer in an event loop of its own: the framework's threads have none."""
    return asyncio.run(answer(settings(), understood(said, settings()), settings().call_seconds))


def _unwrapped(data: object) -> object:
    """Return what is asked, which Pub/Sub wraps in base64."""
    said = data
    if isinstance(said, Mapping) and isinstance(said.get("message"), Mapping):
        said = base64.b64decode(said["message"].get("data", ""))
    return read(said if isinstance(said, bytes) else said.encode()) if isinstance(said, bytes | str) else said


refuse_what_cannot_be()
