"""Records refusals in the history, limited in rate for each actor and subject so that the table cannot be flooded."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tortoise.exceptions import BaseORMException

from core.clock import now
from core.database import connection
from models.accounts.history import HistoryEntry
from models.accounts.roles import Permission, Resource
from models.permissions.principal import ANONYMOUS, SERVICE, Actor, Principal
from models.policies.authorization import Action

log = logging.getLogger(__name__)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FIELD_REFUSED = "field_refused"


@dataclass(frozen=True)
class Denial:
    """A refusal. For one actor and `subject`, at most one is recorded in each `interval`."""

    resource: Resource
    action: str
    subject: str
    cause: str
    interval: timedelta
    object_id: int = 0
    detail: Mapping[str, str] = field(default_factory=dict)


async def record(actor: Actor, action: Action, resource: Resource, object_id: int, reason: str) -> None:
    """Record a refused action with its reason, at most once a minute, after the open transaction if there is one."""
    refused = f"{action}_refused"
    await _write(actor, [Denial(resource, refused, f"{action}:{resource}:{object_id}", reason, MINUTE, object_id)])


async def record_fields(
    principal: Principal | None, address: str | None, refused: Mapping[str, tuple[Permission, str]]
) -> None:
    """Record refused fields with the missing permission and the reason, each at most once an hour.

    All anonymous callers count as one actor, so that many addresses cannot fill the history. The entry has the address
    of the first caller.
    """
    actor = Actor.from_principal(principal) if principal else ANONYMOUS
    origin = {"address": address} if principal is None and address else {}
    await _write(
        actor,
        [
            Denial(
                permission.resource,
                FIELD_REFUSED,
                f"field:{field_name}",
                reason,
                HOUR,
                detail={"field": field_name, "permission": str(permission), **origin},
            )
            for field_name, (permission, reason) in refused.items()
        ],
    )


async def record_sign_in(user_id: int | None, reason: str) -> None:
    """Record a sign-in that was refused without a password check: for a locked account or an unknown user name.

    Recorded at most once a minute for each account, and for all unknown names together. The name is not stored, since
    it may be a password typed into the wrong field.
    """
    actor, key = SERVICE if user_id else ANONYMOUS, user_id or 0
    await _write(actor, [Denial(Resource.USER, "sign_in_refused", f"sign_in:{key}", reason, MINUTE, key)])


async def _write(actor: Actor, denials: Sequence[Denial]) -> None:
    # A failed write must not turn the refusal into an internal error.

    async def write() -> None:
        try:
            if new := await _new(actor, denials):
                await HistoryEntry.bulk_create(new, ignore_conflicts=True)
        except BaseORMException:
            log.exception("a refusal could not be recorded")

    await _after_transaction(write)


async def _after_transaction(write: Callable[[], Awaitable[None]]) -> None:
    if connection.is_in_transaction():
        connection.after_end(write)
    else:
        await write()


async def _new(actor: Actor, denials: Sequence[Denial]) -> list[HistoryEntry]:
    at = now()
    keys = [key for denial in denials for key in _dedup_keys(actor, denial, at)]
    recorded = {entry.once: entry.at for entry in await HistoryEntry.filter(once__in=keys).only("id", "once", "at")}

    def is_new(denial: Denial) -> bool:
        return all(at - recorded[key] > denial.interval for key in _dedup_keys(actor, denial, at) if key in recorded)

    return [_entry(actor, denial, at) for denial in denials if is_new(denial)]


def _dedup_keys(actor: Actor, denial: Denial, at: datetime) -> tuple[str, str]:
    # Times are divided into slots. An entry in the previous slot may still be younger than the interval.
    seconds = denial.interval.total_seconds()
    slot = int(at.timestamp() // seconds)
    key = f"{actor.kind}:{actor.user_id}:{denial.subject}"
    return f"{key}:{slot}", f"{key}:{slot - 1}"


def _entry(actor: Actor, denial: Denial, at: datetime) -> HistoryEntry:
    return HistoryEntry(
        resource=denial.resource,
        object_id=denial.object_id,
        action=denial.action,
        actor_kind=actor.kind,
        actor_id=actor.user_id,
        cause=denial.cause[:500],
        detail=dict(denial.detail),
        once=_dedup_keys(actor, denial, at)[0],
        at=at,
    )
