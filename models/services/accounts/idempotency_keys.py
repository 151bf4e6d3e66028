"""Idempotency keys: the first request with a key does the work, and repetitions get the object that it created.

The key is settled in the transaction that creates the object, so that both are committed or neither is. The row has the
object's id and a fingerprint of the request, never the response or a secret.
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
"""The time limit of a request. Afterwards its key can be claimed again, in case its process died."""
KEY_LIFETIME = timedelta(hours=24)
MAX_KEY_LENGTH = 128
KEY_TAKEN_OVER = "Another request with this key has taken over; send the request again."


@dataclass(frozen=True)
class ReplayRequest:
    """A request with an idempotency key: the user, the mutation, and a fingerprint of its arguments."""

    user_id: int
    key: str
    operation: str
    fingerprint: str


async def claim(request: ReplayRequest) -> IdempotencyKey:
    """Return the key's row. It has an object if the request was done before; otherwise the caller must do the work."""
    if not 0 < len(request.key) <= MAX_KEY_LENGTH or "\0" in request.key:
        raise BadInput(f"An idempotency key has 1 to {MAX_KEY_LENGTH} characters.", path=("key",))
    await IdempotencyKey.filter(user_id=request.user_id, key=request.key, expires_at__lt=now()).delete()
    try:
        return await IdempotencyKey.create(
            user_id=request.user_id,
            key=request.key,
            operation=request.operation,
            fingerprint=request.fingerprint,
            lease_until=now() + LEASE,
            expires_at=now() + KEY_LIFETIME,
        )
    except IntegrityError:
        return await _claim_existing(request)


async def _claim_existing(request: ReplayRequest) -> IdempotencyKey:
    row = await IdempotencyKey.get_or_none(user_id=request.user_id, key=request.key)
    if row is None:
        raise Conflict("The first request with this key has just failed; send the request again.")
    if (row.operation, row.fingerprint) != (request.operation, request.fingerprint):
        raise Conflict("This key was used for another request; use a new key for each new request.")
    if row.object_id is not None:
        return row
    if row.lease_until > now():
        raise Conflict(
            "The first request with this key is still in progress; wait for it, or send the request again in a moment."
        )
    until = now() + LEASE
    if not await _owned_row(row).update(lease_until=until):
        raise Conflict(KEY_TAKEN_OVER)
    row.lease_until = until
    return row


async def settle_with_created(row: IdempotencyKey, resource: Resource) -> None:
    """Settle the key with the object that the open transaction created. Conflict if the key was taken over."""
    created = history.first_recorded(resource)
    if created is not None and row.object_id is None:
        if not await _owned_row(row).update(object_id=created):
            raise Conflict(KEY_TAKEN_OVER)
        row.object_id = created


async def settle_with_existing(row: IdempotencyKey, object_id: int) -> None:
    """Settle the key with an object that existed before."""
    if row.object_id is None and await _owned_row(row).update(object_id=object_id, is_new=False):
        row.object_id, row.is_new = object_id, False


async def release(row: IdempotencyKey) -> None:
    """Release the key after a request that created nothing."""
    await _owned_row(row).delete()


def _owned_row(row: IdempotencyKey) -> QuerySet[IdempotencyKey]:
    return IdempotencyKey.filter(id=row.id, object_id=None, lease_until=row.lease_until)


async def purge() -> int:
    """Delete expired keys and return their number."""
    return await IdempotencyKey.filter(expires_at__lt=now()).delete()
