"""The directive `@idempotent(key:)`, its validation rule, and the access to its key."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

import strawberry
from graphql import FieldNode, GraphQLError, GraphQLField, ValidationRule, value_from_ast_untyped
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.types.info import Info

from models.services.accounts import idempotency_keys
from schema.graphql.permissions import definition_of

DIRECTIVE_NAME = "idempotent"
ACCEPTS_ATTRIBUTE = "takes_idempotency_key"
"""The attribute that marks a resolver as accepting the directive. `functools.wraps` copies it to outer decorators."""


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


def mark_idempotent(resolver: Callable[..., Any]) -> None:
    """Mark a mutation's resolver as accepting the directive."""
    setattr(resolver, ACCEPTS_ATTRIBUTE, True)


def requested_key(info: Info) -> str | None:
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
