"""Show the domain's enums to clients, every value with a description."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

import strawberry
from strawberry.types.enum import EnumValue, StrawberryEnumDefinition

E = TypeVar("E", bound=StrEnum)


def expose(enum: type[E], description: str, values: Mapping[E, str], *, name: str | None = None) -> type[E]:
    """Make `enum` a GraphQL enum in place and return it; a member without a sentence in `values` is a TypeError.

    Members are written by their Python names: `SessionState.RUNNING` is `RUNNING`.
    """
    missing = [member.name for member in enum if member not in values]
    if missing:
        raise TypeError(f"{enum.__name__} needs a description for {', '.join(missing)}.")
    shown: type[E] = strawberry.enum(enum, name=name, description=description)
    definition: StrawberryEnumDefinition = shown.__strawberry_definition__  # type: ignore[attr-defined]
    definition.values = [EnumValue(member.name, member.value, description=values[member]) for member in enum]
    return shown
