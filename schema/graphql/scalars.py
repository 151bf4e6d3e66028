"""Scalars beyond GraphQL's own."""

from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

BigInt = NewType("BigInt", int)
SCALARS: dict[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number, written as a JSON number, up to 2^53 - 1; sizes in bytes need it.",
        serialize=int,
        parse_value=int,
    )
}
