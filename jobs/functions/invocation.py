"""Parses and runs one invocation of a function on any host; adapters supply the request and the time limit."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import BadInput, NotFound, Unauthenticated
from core.queue import QueueClass, drain, parse_queue
from core.queue.functions import waker
from core.settings import Settings
from jobs.functions.services import FunctionServices, open_function_services
from jobs.periodic import PERIODIC_TASKS, PeriodicTask, sweep
from jobs.queues import FUNCTION_QUEUES, JobQueue

log = logging.getLogger(__name__)

RESERVE_SECONDS = 1.0
"""Part of a call's time that is kept for opening and closing services."""


@dataclass(frozen=True)
class Invocation:
    """The work of one call: drain one queue, or run some periodic tasks."""

    queue: JobQueue | None = None
    tasks: tuple[PeriodicTask, ...] = ()

    @property
    def needs_files(self) -> bool:
        """Whether it uses the file storage."""
        return self.queue is None or self.queue.needs_files


def parse_event(event: object, settings: Settings, *, default: QueueClass | None = None) -> Invocation:
    """Parse `{"queue": NAME}` or `{"tasks": [NAME…]}`; an event with neither means the queue `default`.

    BadInput when the event is invalid, NotFound when it names a queue that this function does not serve.
    """
    request: Mapping[str, Any] = event if isinstance(event, Mapping) else {}
    if "tasks" in request:
        return Invocation(tasks=_parse_tasks(request["tasks"]))
    if "queue" in request:
        return Invocation(queue=_parse_queue(str(request["queue"]), settings, default))
    if default is None:
        raise BadInput('The event names no work; send {"queue": "carrel:region"} or {"tasks": ["relay"]}.')
    return Invocation(queue=FUNCTION_QUEUES[default])


def parse_signed(settings: Settings, signature: str | None, body: bytes) -> Invocation:
    """Parse the body of a wake-up over HTTP.

    Unauthenticated unless the body was signed with the function secret within SKEW_SECONDS of now.
    """
    secret = settings.function_secret.get_secret_value() if settings.function_secret else ""
    if not waker.is_signed(secret, signature, body):
        raise Unauthenticated(
            "The signature is missing, wrong or too old; sign the body with CARREL_FUNCTION_SECRET, within"
            f" {waker.SKEW_SECONDS // 60} minutes."
        )
    return parse_event(parse_json(body), settings)


def parse_json(body: bytes) -> object:
    """Parse the body of a wake-up; BadInput when it is not JSON."""
    try:
        return json.loads(body)
    except ValueError as error:
        raise BadInput("The body is not JSON; send a JSON object.") from error


def _parse_tasks(names: object) -> tuple[PeriodicTask, ...]:
    tasks = {task.name: task for task in PERIODIC_TASKS}
    if not isinstance(names, list) or not names or not {str(name) for name in names} <= tasks.keys():
        raise BadInput(f"Send tasks as a list of these names: {', '.join(tasks)}.")
    return tuple(tasks[str(name)] for name in names)


def _parse_queue(name: str, settings: Settings, default: QueueClass | None) -> JobQueue:
    region, kind = parse_queue(name)
    if region != settings.region or (default is not None and kind is not default):
        served = ", ".join(queue.name(settings.region) for queue in FUNCTION_QUEUES.values())
        raise NotFound(f"This function does not serve the queue {name!r}; it serves {served}.")
    if kind not in FUNCTION_QUEUES:
        raise BadInput(f"No function serves the queue {name!r}; run `carrel worker` for it.")
    return FUNCTION_QUEUES[kind]


async def run_invocation(settings: Settings, invocation: Invocation, seconds: float) -> dict[str, Any]:
    """Run the invocation within `seconds` and return its result as a JSON object."""
    async with open_function_services(settings, needs_files=invocation.needs_files) as services:
        if invocation.queue is None:
            await sweep(services.region_context, invocation.tasks)
            return {"tasks": [task.name for task in invocation.tasks]}
        return await _drain(services, invocation.queue, seconds - RESERVE_SECONDS)


async def _drain(services: FunctionServices, queue: JobQueue, seconds: float) -> dict[str, Any]:
    settings, name = services.region_context.settings, queue.name(services.region_context.region)
    # Before the drain reads the queue: a job that is enqueued later sends a new wake-up.
    await waker.acknowledge_wakeup(services.redis, name)
    context = {"region_context": services.region_context}
    done = await drain(
        services.redis, name, queue.specs(settings), context, budget=seconds, parallel=queue.parallel(settings)
    )
    if done.due:  # Time is over and jobs are left, or one was enqueued just now; a second wake-up is harmless.
        await services.waker.wake(name)
    log.info("drained %s: %s", name, done)
    return {"queue": name, **asdict(done)}
