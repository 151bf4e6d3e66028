"""Bulk mutations: the error policy and the size limit that all of them share."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import strawberry

from core.errors import BadInput
from schema.graphql.enums import graphql_enum

MAX_ROWS = 100


class ErrorPolicy(StrEnum):
    """The effect of one failed object on the others."""

    REJECT_EVERYTHING = "reject_everything"
    IGNORE_FAILED = "ignore_failed"


graphql_enum(
    ErrorPolicy,
    "The effect of one failed object on the others.",
    {
        ErrorPolicy.REJECT_EVERYTHING: "Change nothing unless every object can be changed.",
        ErrorPolicy.IGNORE_FAILED: "Change every object that can be changed.",
    },
)

Policy = Annotated[ErrorPolicy, strawberry.argument(description="The effect of one failed object on the others.")]


def distinct_batch(ids: Sequence[str], what: str = "ids") -> Sequence[str]:
    """Return the IDs, or other selectors, in order and without duplicates; BadInput if there are none or too many."""
    distinct = list(dict.fromkeys(ids))  # Unlike a set, a dict keeps the order.
    if not 0 < len(distinct) <= MAX_ROWS:
        raise BadInput(f"Give 1 to {MAX_ROWS} {what}; you gave {len(distinct)}.", path=(what,))
    return distinct
