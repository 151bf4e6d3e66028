"""The adapter for functions-framework: `--target http` for signed wake-ups, `--target event` for CloudEvents.

Wake-ups over HTTP carry a signature. CloudEvents carry none: the platform authenticates their senders.
"""

import asyncio
import base64
import json
import logging
from collections.abc import Mapping
from typing import Any, Protocol

from core.errors import CarrelError
from core.queue.functions.waker import SIGNATURE_HEADER
from jobs.functions.invocation import Invocation, parse_event, parse_json, parse_signed, run_invocation
from jobs.functions.preflight import check_environment, get_settings

log = logging.getLogger(__name__)


class FlaskRequest(Protocol):
    """The part of a Flask request that is used here."""

    headers: Mapping[str, str]

    def get_data(self) -> bytes:
        """Return the body."""
        ...


class CloudEvent(Protocol):
    """The part of a CloudEvent that is used here."""

    data: Any


def http(request: FlaskRequest) -> tuple[str, int, dict[str, str]]:
    """Handle a signed wake-up."""
    try:
        signature = request.headers.get(SIGNATURE_HEADER)
        response, status = _run(parse_signed(get_settings(), signature, request.get_data())), 200
    except CarrelError as error:
        response, status = {"code": error.code, "message": error.message}, error.status
    return json.dumps(response), status, {"Content-Type": "application/json"}


def event(cloud_event: CloudEvent) -> None:
    """Handle a CloudEvent of type carrel.wake."""
    log.info("answered %s", _run(parse_event(_unwrap(cloud_event.data), get_settings())))


def _run(invocation: Invocation) -> dict[str, Any]:
    # The framework calls in threads without an event loop.
    settings = get_settings()
    return asyncio.run(run_invocation(settings, invocation, settings.function_timeout_seconds))


def _unwrap(data: object) -> object:
    """Return the event inside the data of a CloudEvent; Pub/Sub wraps it in base64."""
    if isinstance(data, Mapping) and isinstance(data.get("message"), Mapping):
        data = base64.b64decode(data["message"].get("data", ""))
    if isinstance(data, str):
        data = data.encode()
    return parse_json(data) if isinstance(data, bytes) else data


check_environment()
