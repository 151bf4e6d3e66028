"""Write refusals into the history: once in a while for the same person and thing, so that nobody floods it."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tortoise.exceptions import BaseORMException

from core.clock import now
from core.database import connection
from models.accounts.history import HistoryEntry
from models.accounts.roles import Permission, Resource
from models.permissions.actor import ANONYMOUS, SERVICE, Actor
from models.permissions.principal import Principal
from models.policies.authorization import Action

log = logging.getLogger(__name__)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FIELD_REFUSED = "field_refused"


@dataclass(frozen=True)
class Denial:
    """One refusal; those of one actor with the same `what` are one for as long as `once_in` lasts."""

    resource: Resource
    action: str
    what: str
    cause: str
    once_in: timedelta
    object_id: int = 0
    detail: Mapping[str, str] = field(default_factory=dict)


async def record(actor: Actor, action: Action, resource: Resource, object_id: int, reason: str) -> None:
    """Record that somebody was refused to act, with the reason, once a minute; after the open transaction if any."""
    refused = f"{action}_refused"
    await _write(actor, [Denial(resource, refused, f"{action}:{resource}:{object_id}", reason, MINUTE, object_id)])


async def record_fields(
    principal: Principal | None, address: str | None, refused: Mapping[str, tuple[Permission, str]]
) -> None:
    """Record which fields were refused to a caller, by their permissions and why, each field once an hour.

    All callers without a name are one here, lest somebody with many addresses fill the history: the address is that
    of the first of the hour.
    """
    actor = Actor.of(principal) if principal else ANONYMOUS
    origin = {"address": address} if principal is None and address else {}
    await _write(
        actor,
        [
            Denial(
                permission.resource,
                FIELD_REFUSED,
                f"field:{where}",
                reason,
                HOUR,
                detail={"field": where, "permission": str(permission), **origin},
            )
            for where, (permission, reason) in refused.items()
        ],
    )


async def record_sign_in(user_id: int | None, reason: str) -> None:
    """Record a sign-in that was refused before a password was looked at: of a locked account, or with an unknown name.

    It is once a minute for each account, and for all unknown names together; the name is not kept, since it may be a
    password in the wrong place.
    """
    actor, key = SERVICE if user_id else ANONYMOUS, user_id or 0
    await _write(actor, [Denial(Resource.USER, "sign_in_refused", f"sign_in:{key}", reason, MINUTE, key)])


async def _write(actor: Actor, denials: Sequence[Denial]) -> None:
    """Write what is new; a history that cannot be written changes nothing about the refusal."""

    async def write() -> None:
        try:
            if new := await _new(actor, denials):
                await HistoryEntry.bulk_create(new, ignore_conflicts=True)
        except BaseORMException:
            log.exception("a refusal could not be recorded")

    await _at_the_end(write)


async def _at_the_end(write: Callable[[], Awaitable[None]]) -> None:
    if connection.is_open():
        connection.after_end(write)
    else:
        await write()


async def _new(actor: Actor, denials: Sequence[Denial]) -> list[HistoryEntry]:
    at = now()
    names = [name for denial in denials for name in _names(actor, denial, at)]
    known = {entry.once: entry.at for entry in await HistoryEntry.filter(once__in=names).only("id", "once", "at")}

    def is_new(denial: Denial) -> bool:
        return all(at - known[name] > denial.once_in for name in _names(actor, denial, at) if name in known)

    return [_entry(actor, denial, at) for denial in denials if is_new(denial)]


def _names(actor: Actor, denial: Denial, at: datetime) -> tuple[str, str]:
    """Return the names that an entry of now and one of shortly before have."""
    seconds = denial.once_in.total_seconds()
    turn = int(at.timestamp() // seconds)
    name = f"{actor.kind}:{actor.user_id}:{denial.what}"
    return f"{name}:{turn}", f"{name}:{turn - 1}"


def _entry(actor: Actor, denial: Denial, at: datetime) -> HistoryEntry:
    return HistoryEntry(
        resource=denial.resource,
        object_id=denial.object_id,
        action=denial.action,
        actor_kind=actor.kind,
        actor_id=actor.user_id,
        cause=denial.cause[:500],
        detail=dict(denial.detail),
        once=_names(actor, denial, at)[0],
        at=at,
    )
