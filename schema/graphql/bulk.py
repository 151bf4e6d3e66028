"""Bulk mutations: one result for each row, and what happens to the others when one cannot be done."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import strawberry

from core.errors import BadInput
from schema.graphql.enums import expose

MOST_ROWS = 100


class ErrorPolicy(StrEnum):
    """What one row that cannot be done means for the others."""

    REJECT_EVERYTHING = "reject_everything"
    IGNORE_FAILED = "ignore_failed"


expose(
    ErrorPolicy,
    "What one row that cannot be done means for the others.",
    {
        ErrorPolicy.REJECT_EVERYTHING: "Nothing is done unless every row can be.",
        ErrorPolicy.IGNORE_FAILED: "The rows that can be done are done.",
    },
)

Policy = Annotated[ErrorPolicy, strawberry.argument(description="What one that cannot be done means for the others.")]


def bounded(ids: Sequence[str], what: str = "ids") -> Sequence[str]:
    """Return the ids, or whatever selects rows, each once and in order; BadInput when there are none or too many."""
    once = list(dict.fromkeys(ids))
    if not 0 < len(once) <= MOST_ROWS:
        raise BadInput(f"Give 1 to {MOST_ROWS} {what}; you gave {len(once)}.", path=(what,))
    return once
