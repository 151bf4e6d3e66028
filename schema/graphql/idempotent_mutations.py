"""Mutations that are done once for one idempotency key, and answered with the same object afterwards."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Generic, ParamSpec, TypeVar

import orjson

from core.database.connection import joining
from core.errors import NotFound
from models.accounts.idempotency_keys import IdempotencyKey
from models.accounts.roles import Resource
from models.services.accounts import idempotency_keys
from schema.context import Info
from schema.graphql import node
from schema.graphql.errors import Payload
from schema.graphql.idempotency import key_of, mark

P = ParamSpec("P")
Shown = TypeVar("Shown", bound=Payload)
Rest = Callable[[Info, Any, bool], Mapping[str, Any]]
"""Makes what a payload holds beside its object, of the object and whether it was new."""


def _nothing(_info: Info, _row: Any, _is_new: bool) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Replay(Generic[Shown]):
    """How one mutation is done once: its payload, the noun that it makes, and the rest of the answer."""

    payload: type[Shown]
    noun: str
    rest: Rest
    field: str
    """The payload's name for it."""

    async def first(self, row: IdempotencyKey, work: Callable[[], Awaitable[Shown | None]]) -> Shown | None:
        """Do it, and let what it makes be the key's."""
        try:
            with joining(lambda: idempotency_keys.settle_with(row, Resource(self.noun))):
                answer = await work()
            await idempotency_keys.settle(row, getattr(answer, self.field).pk)
        finally:
            if row.object_id is None:
                await idempotency_keys.release(row)
        return answer

    async def again(self, info: Info, row: IdempotencyKey) -> Shown:
        """Answer with what the key stands for, as it is now."""
        kind = "".join(word.capitalize() for word in self.noun.split("_"))
        key = node.encode(kind, row.object_id or 0)
        found = (await node.readers.read(info.context, [key]))[0]
        if found is None:
            raise NotFound(f"The {self.field} that this key made is gone, or you may not see it any more.")
        return self.payload(**{self.field: found}, **self.rest(info, found, row.is_new))


def replayed(
    payload: type[Shown], noun: str, rest: Rest = _nothing, *, field: str = ""
) -> Callable[[Callable[P, Awaitable[Shown | None]]], Callable[P, Awaitable[Shown | None]]]:
    """Decorate a mutation's resolver below `reported`: with `@idempotent(key:)` it makes its noun once.

    The answer to a repeated request shows the object as it is then and with the caller's rights. A request that failed
    made nothing, so it may be repeated.
    """
    replay = Replay(payload, noun, rest, field or noun)

    def decorate(resolver: Callable[P, Awaitable[Shown | None]]) -> Callable[P, Awaitable[Shown | None]]:
        @wraps(resolver)
        async def run(*args: P.args, **kwargs: P.kwargs) -> Shown | None:
            info, arguments = _split(kwargs)
            key = key_of(info)
            if key is None:
                return await resolver(*args, **kwargs)
            row = await idempotency_keys.claim(_request(info, key, arguments))
            if row.object_id is not None:
                return await replay.again(info, row)
            return await replay.first(row, lambda: resolver(*args, **kwargs))

        mark(run)
        return run

    return decorate


def _split(kwargs: Mapping[str, Any]) -> tuple[Info, Mapping[str, Any]]:
    return kwargs["info"], {name: value for name, value in kwargs.items() if name != "info"}


def _request(info: Info, key: str, arguments: Mapping[str, Any]) -> idempotency_keys.Request:
    """Sign the arguments: they may hold a password, which not even a digest may give away."""
    text = orjson.dumps(arguments, default=str, option=orjson.OPT_SORT_KEYS).decode()
    fingerprint = info.context.home.signer.sign("idempotency", text)
    return idempotency_keys.Request(info.context.caller.user_id, key, info.field_name, fingerprint)
