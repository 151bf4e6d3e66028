"""The handlers of AWS Lambda, named in `serverless.yml`: invoked directly, by SQS messages and by schedules."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Protocol

from core.errors import CarrelError
from core.queue import QueueClass
from jobs.functions.invocation import Invocation, parse_event, run_invocation
from jobs.functions.preflight import check_environment, get_settings
from jobs.queues import FUNCTION_QUEUES


class LambdaContext(Protocol):
    """The part of the platform's context object that is used here."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the time left for the call, in milliseconds."""
        ...


Event = Mapping[str, Any]


def sessions(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Drain the region's queue of short jobs."""
    return _drain(QueueClass.SESSIONS, event, context)


def imports(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Drain the region's queue of image imports."""
    return _drain(QueueClass.IMPORTS, event, context)


def sweep(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Run the periodic tasks that the schedule names."""
    return _run(parse_event(event, get_settings()), context)


def _drain(kind: QueueClass, event: Event, context: LambdaContext) -> dict[str, Any]:
    if "Records" not in event:
        return _run(parse_event(event, get_settings(), default=kind), context)
    unknown = [record["messageId"] for record in event["Records"] if not _is_for(kind, record)]
    done = _run(Invocation(queue=FUNCTION_QUEUES[kind]), context) if len(unknown) < len(event["Records"]) else {}
    return {"batchItemFailures": [{"itemIdentifier": key} for key in unknown], **done}


def _is_for(kind: QueueClass, record: Mapping[str, Any]) -> bool:
    """Return whether the message wakes this function's queue; SQS keeps the others, so that they can be found."""
    try:
        return parse_event(json.loads(record["body"]), get_settings(), default=kind).queue is FUNCTION_QUEUES[kind]
    except (CarrelError, ValueError):
        return False


def _run(invocation: Invocation, context: LambdaContext) -> dict[str, Any]:
    # Each call gets a new event loop: connections of the last one are dead after the platform froze the process.
    return asyncio.run(run_invocation(get_settings(), invocation, context.get_remaining_time_in_millis() / 1000))


check_environment()
