"""Idempotent mutations: one execution per idempotency key; repeated requests return the same object."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Generic, ParamSpec, TypeVar

import orjson

from core.database.connection import with_commit_hook
from core.errors import NotFound
from models.accounts.idempotency_keys import IdempotencyKey
from models.accounts.roles import Resource
from models.services.accounts import idempotency_keys
from schema.context import Info
from schema.graphql import node
from schema.graphql.errors import Payload
from schema.graphql.idempotency import mark_idempotent, requested_key

P = ParamSpec("P")
PayloadT = TypeVar("PayloadT", bound=Payload)
ExtraFields = Callable[[Info, Any, bool], Mapping[str, Any]]
"""Builds the further fields of a payload from the object and whether it was new."""


def _no_extra_fields(_info: Info, _row: Any, _is_new: bool) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class IdempotentMutation(Generic[PayloadT]):
    """Executes one kind of mutation once per key, or replays its payload from the object it created."""

    payload: type[PayloadT]
    resource: str
    extra_fields: ExtraFields
    field: str
    """The payload's field for the object."""

    async def execute(self, row: IdempotencyKey, work: Callable[[], Awaitable[PayloadT | None]]) -> PayloadT | None:
        """Run the mutation and store the created object with the key; release the key if it fails."""
        try:
            with with_commit_hook(lambda: idempotency_keys.settle_with_created(row, Resource(self.resource))):
                payload = await work()
            await idempotency_keys.settle_with_existing(row, getattr(payload, self.field).pk)
        finally:
            if row.object_id is None:
                await idempotency_keys.release(row)
        return payload

    async def replay(self, info: Info, row: IdempotencyKey) -> PayloadT:
        """Return the payload for the key's object in its current state; NotFound if the caller cannot see it."""
        kind = "".join(word.capitalize() for word in self.resource.split("_"))
        key = node.encode(kind, row.object_id or 0)
        obj = (await node.readers.read(info.context, [key]))[0]
        if obj is None:
            raise NotFound(f"The {self.field} created with this key no longer exists, or you cannot see it.")
        return self.payload(**{self.field: obj}, **self.extra_fields(info, obj, row.is_new))


def idempotent_mutation(
    payload: type[PayloadT], resource: str, extra_fields: ExtraFields = _no_extra_fields, *, field: str = ""
) -> Callable[[Callable[P, Awaitable[PayloadT | None]]], Callable[P, Awaitable[PayloadT | None]]]:
    """Decorate a mutation's resolver, below `errors_in_payload`: with `@idempotent(key:)` it runs once per key.

    A repeated request returns the object in its current state, with the caller's permissions. A failed request
    created nothing and may be repeated.
    """
    mutation = IdempotentMutation(payload, resource, extra_fields, field or resource)

    def decorate(resolver: Callable[P, Awaitable[PayloadT | None]]) -> Callable[P, Awaitable[PayloadT | None]]:
        @wraps(resolver)
        async def run(*args: P.args, **kwargs: P.kwargs) -> PayloadT | None:
            info, arguments = _split_info(kwargs)
            key = requested_key(info)
            if key is None:
                return await resolver(*args, **kwargs)
            row = await idempotency_keys.claim(_replay_request(info, key, arguments))
            if row.object_id is not None:
                return await mutation.replay(info, row)
            return await mutation.execute(row, lambda: resolver(*args, **kwargs))

        mark_idempotent(run)
        return run

    return decorate


def _split_info(kwargs: Mapping[str, Any]) -> tuple[Info, Mapping[str, Any]]:
    return kwargs["info"], {name: value for name, value in kwargs.items() if name != "info"}


def _replay_request(info: Info, key: str, arguments: Mapping[str, Any]) -> idempotency_keys.ReplayRequest:
    # The arguments may contain a password: store a keyed signature, not a plain digest that could be brute-forced.
    text = orjson.dumps(arguments, default=str, option=orjson.OPT_SORT_KEYS).decode()
    fingerprint = info.context.app_state.signer.sign("idempotency", text)
    return idempotency_keys.ReplayRequest(info.context.caller.user_id, key, info.field_name, fingerprint)
