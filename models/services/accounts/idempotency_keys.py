"""Use an idempotency key once: the first request with it does the work, those that follow get what it made.

The key is settled in the transaction that makes the object, so that both hold or neither does. What is kept is the
object's id and a signature of the request, no answer and no secret.
"""

from dataclasses import dataclass
from datetime import timedelta

from tortoise.exceptions import IntegrityError
from tortoise.queryset import QuerySet

from core.clock import now
from core.errors import BadInput, Conflict
from models.accounts.idempotency_keys import IdempotencyKey
from models.accounts.roles import Resource
from models.services.accounts import history

LEASE = timedelta(seconds=60)
"""How long a request may take; the key of one whose process died is free again then."""
KEPT = timedelta(hours=24)
LONGEST = 128
LOST = "Another request took this key over meanwhile; ask again."


@dataclass(frozen=True)
class Request:
    """What a key stands for: whose it is, the mutation, and a signature of its arguments."""

    user_id: int
    key: str
    operation: str
    fingerprint: str


async def claim(request: Request) -> IdempotencyKey:
    """Return the key's row: with an object, which is the answer, or without, and then the work is the caller's."""
    if not 0 < len(request.key) <= LONGEST or "\0" in request.key:
        raise BadInput(f"An idempotency key has 1 to {LONGEST} characters.", path=("key",))
    await IdempotencyKey.filter(user_id=request.user_id, key=request.key, expires_at__lt=now()).delete()
    try:
        return await IdempotencyKey.create(
            user_id=request.user_id,
            key=request.key,
            operation=request.operation,
            fingerprint=request.fingerprint,
            lease_until=now() + LEASE,
            expires_at=now() + KEPT,
        )
    except IntegrityError:
        return await _used(request)


async def _used(request: Request) -> IdempotencyKey:
    row = await IdempotencyKey.get_or_none(user_id=request.user_id, key=request.key)
    if row is None:
        raise Conflict("The first request with this key has just failed; ask again.")
    if (row.operation, row.fingerprint) != (request.operation, request.fingerprint):
        raise Conflict("This key was used for another request; take a new key for each thing that you want.")
    if row.object_id is not None:
        return row
    if row.lease_until > now():
        raise Conflict("The first request with this key is still in progress; wait for it, or ask again in a moment.")
    until = now() + LEASE
    if not await _held(row).update(lease_until=until):
        raise Conflict(LOST)
    row.lease_until = until
    return row


async def settle_with(row: IdempotencyKey, resource: Resource) -> None:
    """Within the transaction that made an object of this sort: let it be the key's; Conflict when the key was lost."""
    made = history.told(resource)
    if made is not None and row.object_id is None:
        if not await _held(row).update(object_id=made):
            raise Conflict(LOST)
        row.object_id = made


async def settle(row: IdempotencyKey, object_id: int) -> None:
    """Let an object that was there already be what the key stands for."""
    if row.object_id is None and await _held(row).update(object_id=object_id, is_new=False):
        row.object_id, row.is_new = object_id, False


async def release(row: IdempotencyKey) -> None:
    """Give the key back, since nothing was made."""
    await _held(row).delete()


def _held(row: IdempotencyKey) -> QuerySet[IdempotencyKey]:
    return IdempotencyKey.filter(id=row.id, object_id=None, lease_until=row.lease_until)


async def purge() -> int:
    """Forget keys that are older than a day; return how many."""
    return await IdempotencyKey.filter(expires_at__lt=now()).delete()
