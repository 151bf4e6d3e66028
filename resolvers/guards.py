"""Guards of resolvers: NOT_FOUND for rows the caller cannot see, FORBIDDEN with a reason for actions it cannot take."""

from typing import TypeVar

from tortoise.models import Model
from tortoise.queryset import QuerySet

from core.errors import Forbidden, NotFound, Unauthenticated
from models.permissions.principal import Actor, Principal
from models.policies.authorization import ACTION_RULES, Action, authorize
from models.services.accounts import denials

M = TypeVar("M", bound=Model)


async def visible(rows: QuerySet[M], key: int) -> M:
    """Return the row with this key among the readable `rows`; NotFound if there is none."""
    row = await rows.get_or_none(id=key)
    if row is None:
        raise NotFound(f"There is no such {rows.model.__name__.lower()}, or you may not see it.")
    return row


async def require(principal: Principal, action: Action, row: Model | None = None, *details: object) -> None:
    """Raise Forbidden with the reason, and record the denial, unless the principal may take the action on the row.

    `details` are the arguments of the action's rule, for example the role to grant.
    """
    decision = await authorize(principal, action, row, *details)
    if decision is not True:
        object_id = row.pk if row is not None else 0
        await denials.record(
            Actor.from_principal(principal), action, ACTION_RULES[action].resource, object_id, decision
        )
        raise Forbidden(decision)


def require_principal(principal: Principal | None) -> Principal:
    """Return the caller; Unauthenticated if there is none."""
    if principal is None:
        raise Unauthenticated
    return principal
