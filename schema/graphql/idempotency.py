"""The directive `@idempotent(key:)`: where it may stand, and how a mutation reads it."""

from collections.abc import Callable
from typing import Annotated, Any

import strawberry
from graphql import FieldNode, GraphQLError, GraphQLField, ValidationRule, value_from_ast_untyped
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.types.info import Info

from schema.graphql.permissions import definition_of

NAME = "idempotent"
MARK = "takes_idempotency_key"
"""The attribute of a resolver that heeds the directive; decorators around it hand it on."""


@strawberry.directive(
    locations=[DirectiveLocation.FIELD],
    name=NAME,
    description=(
        "Do this once, however often the request comes: for 24 hours a mutation with the same key and the same "
        "arguments answers with what the first one made, as it is then. For mutations that say so."
    ),
)
def idempotent(
    value: DirectiveValue[Any],
    key: Annotated[  # noqa: ARG001 - the mutation reads it
        str, strawberry.argument(description="Your own name of the request, 1 to 128 characters.")
    ],
) -> Any:
    """Leave the value as it is: the mutation itself heeds the key."""
    return value


def mark(resolver: Callable[..., Any]) -> None:
    """Note that a mutation's resolver heeds the directive."""
    setattr(resolver, MARK, True)


def key_of(info: Info) -> str | None:
    """Return the key that the field was asked with; the document was validated, so that it is a text."""
    raw = info._raw_info
    asked = next((each for each in raw.field_nodes[0].directives or () if each.name.value == NAME), None)
    if asked is None:
        return None
    (argument,) = asked.arguments or ()
    variables: Any = raw.variable_values
    key: str = value_from_ast_untyped(argument.value, variables)
    return key


class KeysWhereTheyCount(ValidationRule):
    """Refuses a key on a field that would not heed it, lest its client rely on it."""

    def enter_field(self, node: FieldNode, *_rest: object) -> None:
        """Look at one field."""
        field = self.context.get_field_def()
        if any(each.name.value == NAME for each in node.directives or ()) and not heeds(field):
            self.report_error(GraphQLError(f"{node.name.value} does not take @{NAME}.", node))


def heeds(field: GraphQLField | None) -> bool:
    """Say whether a field heeds the directive."""
    definition = definition_of(field) if field else None
    resolver = definition.base_resolver if definition else None
    return bool(resolver and getattr(resolver.wrapped_func, MARK, False))
