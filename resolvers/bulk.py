"""One change for many, each judged alone: with all or none, one that cannot be done undoes the others."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from core.errors import BadInput, Conflict, Forbidden, NotFound
from models.permissions.principal import Principal
from models.services.accounts.permission_changes import changing

T = TypeVar("T")
Fault = BadInput | NotFound | Conflict | Forbidden
"""Why something was not done to one of many."""


class Undone(Exception):
    """Ends the transaction of a change that was to be done to all and could not."""

    def __init__(self, faults: Sequence[Fault | None]) -> None:
        super().__init__("nothing was done")
        self.faults = faults


async def for_each(
    principal: Principal, items: Sequence[T], do: Callable[[Principal, T], Awaitable[object]], *, all_or_none: bool
) -> Sequence[Fault | None]:
    """Do something to each item with the caller's rights of that moment; return for each what was in the way.

    `do` changes nothing before it raises, since what it has done to the other items may stay.
    """
    try:
        async with changing(principal) as caller:
            faults = [await _fault(do, caller, item) for item in items]
            if all_or_none:
                _undo_unless_all(faults)
    except Undone as undone:
        return undone.faults
    return faults


def _undo_unless_all(faults: Sequence[Fault | None]) -> None:
    if any(faults):
        raise Undone(faults)


async def _fault(do: Callable[[Principal, T], Awaitable[object]], caller: Principal, item: T) -> Fault | None:
    try:
        await do(caller, item)
    except (BadInput, NotFound, Conflict, Forbidden) as fault:
        return fault
    return None
