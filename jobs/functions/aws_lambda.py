"""The functions of AWS Lambda: called directly, by messages of SQS, and by schedules; `serverless.yml` names them."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Protocol

from core.errors import CarrelError
from core.queue import QueueClass
from jobs.functions.invocation import Ask, answer, understood
from jobs.functions.start import refuse_what_cannot_be, settings
from jobs.queues import FUNCTIONS


class Context(Protocol):
    """What the platform tells of a call."""

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the call may still take."""
        ...


Event = Mapping[str, Any]


def sessions(event: Event, context: Context) -> dict[str, Any]:
    """Drain the region's queue of short jobs."""
    return _drain(QueueClass.SESSIONS, event, context)


def imports(event: Event, context: Context) -> dict[str, Any]:
    """Drain the region's queue of image imports."""
    return _drain(QueueClass.IMPORTS, event, context)


def sweep(event: Event, context: Context) -> dict[str, Any]:
    """Look after the chores that the schedule names."""
    return _run(understood(event, settings()), context)


def _drain(kind: QueueClass, event: Event, context: Context) -> dict[str, Any]:
    if "Records" not in event:
        return _run(understood(event, settings(), otherwise=kind), context)
    foreign = [record["messageId"] for record in event["Records"] if not _is_for(kind, record)]
    done = _run(Ask(queue=FUNCTIONS[kind]), context) if len(foreign) < len(event["Records"]) else {}
    return {"batchItemFailures": [{"itemIdentifier": key} for key in foreign], **done}


def _is_for(kind: QueueClass, record: Mapping[str, Any]) -> bool:
    """Say whether a message is a bell of ours; others go back to their queue, where their sender finds them."""
    try:
        return understood(json.loads(record["body"]), settings(), otherwise=kind).queue is FUNCTIONS[kind]
    except (CarrelError, ValueError):
        return False


def _run(ask: Ask, context: Context) -> dict[str, Any]:
    """Answer in an event loop of its own: what the last call left in one is dead after the freeze."""
    return asyncio.run(answer(settings(), ask, context.get_remaining_time_in_millis() / 1000))


refuse_what_cannot_be()
