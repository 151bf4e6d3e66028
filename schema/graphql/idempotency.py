"""Idempotent mutations: the directive `@idempotent(key:)`, its validation rule, and one execution per key.

Repeated requests with a key return the object that the first one created.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Annotated, Any, Generic, ParamSpec, TypeVar

import orjson
import strawberry
from graphql import FieldNode, GraphQLError, GraphQLField, ValidationRule, value_from_ast_untyped
from strawberry.directive import DirectiveLocation, DirectiveValue

from core.database.connection import with_commit_hook
from core.errors import NotFound
from models.accounts.idempotency_keys import IdempotencyKey
from models.accounts.roles import Resource
from models.services.accounts import idempotency_keys
from schema.context import Info
from schema.graphql import node
from schema.graphql.errors import Payload
from schema.graphql.permissions import definition_of

DIRECTIVE_NAME = "idempotent"
ACCEPTS_ATTRIBUTE = "takes_idempotency_key"
"""The attribute that marks a resolver as accepting the directive. `functools.wraps` copies it to outer decorators."""
P = ParamSpec("P")
PayloadT = TypeVar("PayloadT", bound=Payload)
ExtraFields = Callable[[Info, Any, bool], Mapping[str, Any]]
"""Builds the further fields of a payload from the object and whether it was new."""


@strawberry.directive(
    locations=[DirectiveLocation.FIELD],
    name=DIRECTIVE_NAME,
    description=(
        "Make a mutation idempotent: a repeated request with the same key and arguments returns the object that the "
        f"first one created. Keys are kept for {idempotency_keys.KEY_LIFETIME // timedelta(hours=1)} hours. "
        "Only mutations that accept `@idempotent` may use it."
    ),
)
def idempotent(
    value: DirectiveValue[Any],
    key: Annotated[  # noqa: ARG001 - the mutation reads it
        str,
        strawberry.argument(
            description=f"An idempotency key chosen by the client, 1 to {idempotency_keys.MAX_KEY_LENGTH} characters."
        ),
    ],
) -> Any:
    """Return the value unchanged. The mutation itself handles the key."""
    return value


def _requested_key(info: Info) -> str | None:
    """Return the key of the field's directive, or None. Validation has ensured that it is a string."""
    raw = info._raw_info
    directive = next((each for each in raw.field_nodes[0].directives or () if each.name.value == DIRECTIVE_NAME), None)
    if directive is None:
        return None
    (argument,) = directive.arguments or ()
    variables: Any = raw.variable_values
    key: str = value_from_ast_untyped(argument.value, variables)
    return key


class IdempotencyKeyRule(ValidationRule):
    """Refuses the directive on fields that would ignore it, so that no client relies on it."""

    def enter_field(self, node: FieldNode, *_rest: object) -> None:
        """Check one field."""
        is_used = any(each.name.value == DIRECTIVE_NAME for each in node.directives or ())
        if is_used and not accepts_idempotency_key(self.context.get_field_def()):
            message = f"{node.name.value} does not accept @{DIRECTIVE_NAME}; remove the directive."
            self.report_error(GraphQLError(message, node))


def accepts_idempotency_key(field: GraphQLField | None) -> bool:
    """Return whether a field accepts the directive."""
    definition = definition_of(field) if field else None
    resolver = definition.base_resolver if definition else None
    return bool(resolver and getattr(resolver.wrapped_func, ACCEPTS_ATTRIBUTE, False))


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
            key = _requested_key(info)
            if key is None:
                return await resolver(*args, **kwargs)
            row = await idempotency_keys.claim(_replay_request(info, key, arguments))
            if row.object_id is not None:
                return await mutation.replay(info, row)
            return await mutation.execute(row, lambda: resolver(*args, **kwargs))

        setattr(run, ACCEPTS_ATTRIBUTE, True)
        return run

    return decorate


def _split_info(kwargs: Mapping[str, Any]) -> tuple[Info, Mapping[str, Any]]:
    return kwargs["info"], {name: value for name, value in kwargs.items() if name != "info"}


def _replay_request(info: Info, key: str, arguments: Mapping[str, Any]) -> idempotency_keys.ReplayRequest:
    # The arguments may contain a password: store a keyed digest, not a plain digest that could be brute-forced.
    text = orjson.dumps(arguments, default=str, option=orjson.OPT_SORT_KEYS).decode()
    fingerprint = info.context.app_state.signer.fingerprint("idempotency", text)
    return idempotency_keys.ReplayRequest(info.context.caller.user_id, key, info.field_name, fingerprint)
