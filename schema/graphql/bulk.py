"""Bulk mutations: their error policy and size limit, and the results of those on users."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import strawberry

from core.errors import BadInput
from resolvers.bulk import ItemError
from schema.graphql.enums import graphql_enum
from schema.graphql.errors import UserError, user_error
from schema.graphql.permissions import public

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
Usernames = Annotated[list[str], strawberry.argument(description=f"The exact user names, 1 to {MAX_ROWS}.")]


def distinct_batch(ids: Sequence[str], what: str = "ids") -> Sequence[str]:
    """Return the IDs, or other selectors, in order and without duplicates; BadInput if there are none or too many."""
    distinct = list(dict.fromkeys(ids))  # Unlike a set, a dict keeps the order.
    if not 0 < len(distinct) <= MAX_ROWS:
        raise BadInput(f"Give 1 to {MAX_ROWS} {what}; you gave {len(distinct)}.", path=(what,))
    return distinct


@strawberry.type(description="The result of a bulk mutation for one user.")
class PersonResult:
    """A user name with its errors."""

    username: str = public(description="The given user name.")
    errors: list[UserError] = public(description="The errors. Empty on success.")


def results_of(usernames: Sequence[str], faults: Sequence[ItemError | None]) -> list[PersonResult]:
    """Return one result for each user name."""
    pairs = zip(usernames, faults, strict=True)
    return [PersonResult(username=name, errors=[user_error(fault)] if fault else []) for name, fault in pairs]
