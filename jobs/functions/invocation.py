"""One call of a function, whoever hosts it: what is asked, and the answer; adapters only find time and trust."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import BadInput, NotFound
from core.queue import QueueClass, class_of, drain
from core.queue.functions import waker
from core.settings import Settings
from jobs.functions.services import Opened, opened
from jobs.periodic import CHORES, Chore, sweep
from jobs.queues import FUNCTIONS, JobQueue

log = logging.getLogger(__name__)

RESERVE_SECONDS = 1.0
"""What opening and closing may take of a call's time."""


@dataclass(frozen=True)
class Ask:
    """What a call is to do: drain one queue, or look after some chores."""

    queue: JobQueue | None = None
    chores: tuple[Chore, ...] = ()

    @property
    def needs_files(self) -> bool:
        """Whether the storage is needed for it."""
        return self.queue is None or self.queue.needs_files


def understood(event: object, settings: Settings, *, otherwise: QueueClass | None = None) -> Ask:
    """Return what an event asks for: `{"queue": NAME}` or `{"chores": [NAME…]}`; one that says neither, `otherwise`.

    BadInput says what is wrong with it, NotFound that it is meant for somebody else.
    """
    said: Mapping[str, Any] = event if isinstance(event, Mapping) else {}
    if "chores" in said:
        return Ask(chores=_chores(said["chores"]))
    if "queue" in said:
        return Ask(queue=_queue(str(said["queue"]), settings, otherwise))
    if otherwise is None:
        raise BadInput('Say what to do: {"queue": "carrel:region"} or {"chores": ["relay"]}.')
    return Ask(queue=FUNCTIONS[otherwise])


def read(body: bytes) -> object:
    """Return the event that a body holds; BadInput when it is no JSON."""
    try:
        return json.loads(body)
    except ValueError as error:
        raise BadInput("The body is no JSON.") from error


def _chores(names: object) -> tuple[Chore, ...]:
    known = {chore.name: chore for chore in CHORES}
    if not isinstance(names, list) or not names or not {str(name) for name in names} <= known.keys():
        raise BadInput(f"Chores are a list of these: {', '.join(known)}.")
    return tuple(known[str(name)] for name in names)


def _queue(name: str, settings: Settings, otherwise: QueueClass | None) -> JobQueue:
    region, kind = class_of(name)
    if region != settings.region or (otherwise is not None and kind is not otherwise):
        served = ", ".join(queue.name(settings.region) for queue in FUNCTIONS.values())
        raise NotFound(f"Nobody here serves the queue {name!r}; this is for {served}.")
    if kind not in FUNCTIONS:
        raise BadInput(f"No function serves the queue {name!r}; run `carrel worker` for it.")
    return FUNCTIONS[kind]


async def answer(settings: Settings, ask: Ask, seconds: float) -> dict[str, Any]:
    """Do what is asked within `seconds`, and say what was done."""
    async with opened(settings, needs_files=ask.needs_files) as house:
        if ask.queue is None:
            await sweep(house.runtime, ask.chores)
            return {"chores": [chore.name for chore in ask.chores]}
        return await _drain(house, ask.queue, seconds - RESERVE_SECONDS)


async def _drain(house: Opened, queue: JobQueue, seconds: float) -> dict[str, Any]:
    settings, name = house.runtime.settings, queue.name(house.runtime.region)
    await waker.heard(house.redis, name)
    context = {"runtime": house.runtime}
    done = await drain(
        house.redis, name, queue.specs(settings), context, budget=seconds, parallel=queue.parallel(settings)
    )
    if done.due:  # Time is over and work is left; or it came just now, and a second wake-up does no harm.
        await house.bells.ring(name)
    log.info("drained %s: %s", name, done)
    return {"queue": name, **asdict(done)}
