"""The two guards of every resolver: what one may not see does not exist, what one may not do is refused with why."""

from typing import TypeVar

from tortoise.models import Model
from tortoise.queryset import QuerySet

from core.errors import Forbidden, NotFound, Unauthenticated
from models.policies.verdicts import Verdict
from models.principal import Principal

M = TypeVar("M", bound=Model)


async def visible(rows: QuerySet[M], key: int) -> M:
    """Return the row with this key among those that may be seen."""
    row = await rows.get_or_none(id=key)
    if row is None:
        raise NotFound(f"There is no such {rows.model.__name__.lower()}, or you may not see it.")
    return row


def require(verdict: Verdict) -> None:
    """Go on when the verdict is True; else refuse with its reason."""
    if verdict is not True:
        raise Forbidden(verdict)


def known(principal: Principal | None) -> Principal:
    """Return the caller; Unauthenticated when there is none."""
    if principal is None:
        raise Unauthenticated
    return principal
