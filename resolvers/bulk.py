"""Bulk changes: the same change on many items, each checked alone. With `all_or_none` one error undoes all."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from core.errors import BadInput, Conflict, Forbidden, NotFound
from models.permissions.principal import Principal
from models.services.accounts.permission_changes import changing

T = TypeVar("T")
ItemError = BadInput | NotFound | Conflict | Forbidden
"""The error of one item of a bulk change."""


class RolledBack(Exception):
    """Rolls back the transaction of an all-or-none change of which an item failed."""

    def __init__(self, errors: Sequence[ItemError | None]) -> None:
        super().__init__("No item was changed because one failed.")
        self.errors = errors


async def for_each(
    principal: Principal, items: Sequence[T], do: Callable[[Principal, T], Awaitable[object]], *, all_or_none: bool
) -> Sequence[ItemError | None]:
    """Apply `do` to each item in one transaction, and return the error of each item or None.

    `do` must not change anything before it raises, because the changes of the other items may be committed.
    """
    try:
        async with changing(principal) as caller:
            errors = [await _error_of(do, caller, item) for item in items]
            if all_or_none:
                _roll_back_on_error(errors)
    except RolledBack as rolled_back:
        return rolled_back.errors
    return errors


def _roll_back_on_error(errors: Sequence[ItemError | None]) -> None:
    if any(errors):
        raise RolledBack(errors)


async def _error_of(do: Callable[[Principal, T], Awaitable[object]], caller: Principal, item: T) -> ItemError | None:
    try:
        await do(caller, item)
    except (BadInput, NotFound, Conflict, Forbidden) as error:
        return error
    return None
