"""Questions of one moment, answered together: a thousand who ask at once cost what one costs."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(eq=False)
class Moment(Generic[K, V]):
    """Those who ask at once: what they ask for, and what they are told when it is `over`."""

    keys: set[K] = field(default_factory=set)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    answers: Mapping[K, V] = field(default_factory=dict)
    failure: BaseException | None = None
    reading: asyncio.Task[None] | None = None


class Together(Generic[K, V]):
    """Collects the keys that are asked for while the loop turns once, and reads all of them by one call."""

    def __init__(self, read: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]) -> None:
        """Answer by `read`, which leaves out keys that have no answer; what it raises is raised to all who asked."""
        self._read = read
        self._open: Moment[K, V] | None = None

    async def ask(self, key: K) -> V | None:
        """Return the answer as it is now; None when there is none."""
        moment = self._open
        if moment is None:
            moment = self._open = Moment()
            moment.reading = asyncio.create_task(self._answer(moment))
        moment.keys.add(key)
        await moment.over.wait()  # An event, since a shielded task costs a thousand waiters three times as much.
        if moment.failure is not None:
            raise moment.failure
        return moment.answers.get(key)

    async def _answer(self, moment: Moment[K, V]) -> None:
        try:
            await asyncio.sleep(0)
            # Who asks from here on may know of a change that this reading misses, and begins another.
            self._open = None
            moment.answers = await self._read(moment.keys)
        except Exception as error:  # noqa: BLE001 - it is raised to all who asked
            moment.failure = error
        except asyncio.CancelledError as end:
            moment.failure = end
            raise
        finally:
            if self._open is moment:
                self._open = None
            moment.over.set()
