"""Wake a function from outside: for hosts whose timers run a command and sign nothing themselves."""

import json

from core.errors import BadInput
from core.queue import QueueClass, queue_of
from core.queue.functions.transports import HttpClapper, clappers_of
from core.queue.functions.waker import message
from core.settings import Settings
from jobs.periodic import Cadence, chores_of
from jobs.queues import FUNCTIONS

EVERY = {"minute": Cadence.MINUTE, "hour": Cadence.HOUR}


async def ring(settings: Settings, queue: str, every: str) -> None:
    """Have a function of the configured region called once, and wait until it has done its work."""
    if bool(queue) == bool(every):
        raise BadInput("Say either --queue or --every.")
    if queue and queue not in set(FUNCTIONS):
        raise BadInput(f"Functions serve no queue {queue!r}; they serve {', '.join(FUNCTIONS)}.")
    kind = QueueClass(queue) if queue else QueueClass.IMPORTS  # Clean-ups need files, as imports do.
    said = message(queue_of(kind, settings.region)) if queue else _chores(every)
    await _bell(settings, kind).ask(said)


def _chores(every: str) -> bytes:
    if every not in EVERY:
        raise BadInput(f"Clean-ups are done every {' or every '.join(EVERY)}.")
    return json.dumps({"chores": [chore.name for chore in chores_of(EVERY[every])]}).encode()


def _bell(settings: Settings, kind: QueueClass) -> HttpClapper:
    secret = settings.bell_secret.get_secret_value() if settings.bell_secret else ""
    hung = clappers_of(settings.bells, secret)
    found = hung.get(f"{settings.region}:{kind}") or hung.get(kind)
    if not isinstance(found, HttpClapper):
        raise BadInput(f"CARREL_BELLS: no bell by HTTP hangs for {kind} in {settings.region}; queues have schedules.")
    return found
