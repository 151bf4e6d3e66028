"""The two guards of every resolver: what one may not see does not exist, what one may not do is refused with why."""

from typing import TypeVar

from tortoise.models import Model
from tortoise.queryset import QuerySet

from core.errors import Forbidden, NotFound, Unauthenticated
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.policies.authorization import ACTS, Action, decide
from models.services.accounts import denials

M = TypeVar("M", bound=Model)


async def visible(rows: QuerySet[M], key: int) -> M:
    """Return the row with this key among those that may be seen."""
    row = await rows.get_or_none(id=key)
    if row is None:
        raise NotFound(f"There is no such {rows.model.__name__.lower()}, or you may not see it.")
    return row


async def require(principal: Principal, action: Action, row: Model | None = None, *which: object) -> None:
    """Go on when the principal may do this to the row, with these particulars; else refuse with why, and record it."""
    verdict = await decide(principal, action, row, *which)
    if verdict is not True:
        object_id = row.pk if row is not None else 0
        await denials.record(Actor.of(principal), action, ACTS[action].on, object_id, verdict)
        raise Forbidden(verdict)


def known(principal: Principal | None) -> Principal:
    """Return the caller; Unauthenticated when there is none."""
    if principal is None:
        raise Unauthenticated
    return principal
