"""`carrel wake`: wakes a function with a signed request, for hosts whose timers can only run a command."""

import json

from core.errors import BadInput
from core.queue import QueueClass, queue_of
from core.queue.functions.transports import HttpWakeTransport, open_transports
from core.queue.functions.waker import wakeup_message
from core.settings import Settings
from jobs.periodic import Interval, tasks_of
from jobs.queues import FUNCTION_QUEUES

INTERVALS = {"minute": Interval.MINUTE, "hour": Interval.HOUR}


async def wake(settings: Settings, queue: str, every: str) -> None:
    """Call a function of the configured region and wait until its work is done; give either `queue` or `every`."""
    if bool(queue) == bool(every):
        raise BadInput("Give either --queue or --every.")
    if queue and queue not in set(FUNCTION_QUEUES):
        raise BadInput(f"Functions do not serve the queue {queue!r}; they serve {', '.join(FUNCTION_QUEUES)}.")
    kind = QueueClass(queue) if queue else QueueClass.IMPORTS  # Periodic tasks use files, as imports do.
    body = wakeup_message(queue_of(kind, settings.region)) if queue else _task_message(every)
    await _transport(settings, kind).call(body)


def _task_message(every: str) -> bytes:
    if every not in INTERVALS:
        raise BadInput(f"Periodic tasks run every {' or every '.join(INTERVALS)}; give one of these to --every.")
    return json.dumps({"tasks": [task.name for task in tasks_of(INTERVALS[every])]}).encode()


def _transport(settings: Settings, kind: QueueClass) -> HttpWakeTransport:
    secret = settings.function_secret.get_secret_value() if settings.function_secret else ""
    transports = open_transports(settings.function_urls, secret)
    transport = transports.get(f"{settings.region}:{kind}") or transports.get(kind)
    if not isinstance(transport, HttpWakeTransport):
        raise BadInput(
            f"CARREL_FUNCTION_URLS has no HTTP address for {kind} in {settings.region}; add one, or use a schedule."
        )
    return transport
