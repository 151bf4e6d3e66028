"""Turns domain enums into GraphQL enums. Every value must have a description."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

import strawberry
from strawberry.types.enum import EnumValue, StrawberryEnumDefinition

E = TypeVar("E", bound=StrEnum)


def graphql_enum(enum: type[E], description: str, values: Mapping[E, str], *, name: str | None = None) -> type[E]:
    """Make `enum` a GraphQL enum in place and return it; TypeError if a member has no description in `values`.

    GraphQL uses the Python names of the members: `SessionState.RUNNING` becomes `RUNNING`.
    """
    missing = [member.name for member in enum if member not in values]
    if missing:
        raise TypeError(f"{enum.__name__} needs a description for {', '.join(missing)}.")
    exposed: type[E] = strawberry.enum(enum, name=name, description=description)
    definition: StrawberryEnumDefinition = exposed.__strawberry_definition__  # type: ignore[attr-defined]
    definition.values = [EnumValue(member.name, member.value, description=values[member]) for member in enum]
    return exposed
