"""Custom GraphQL scalars."""

from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

BigInt = NewType("BigInt", int)
SCALARS: dict[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(
        name="BigInt",
        description="An integer up to 2^53 - 1, serialized as a JSON number. Used for sizes in bytes.",
        serialize=int,
        parse_value=int,
    )
}
