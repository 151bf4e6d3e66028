"""Changes that are made to many people at once: how they are named, and what became of each."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from resolvers.bulk import Fault
from schema.graphql.errors import UserError, user_error
from schema.graphql.permissions import public

Usernames = Annotated[list[str], strawberry.argument(description="The exact user names, 1 to 100.")]


@strawberry.type(description="What became of one of the people that something was to be done to.")
class PersonResult:
    """A name, or why not."""

    username: str = public(description="The name that was given.")
    errors: list[UserError] = public(description="Why it was not done; empty when it was.")


def results_of(usernames: Sequence[str], faults: Sequence[Fault | None]) -> list[PersonResult]:
    """Return one result for each name."""
    pairs = zip(usernames, faults, strict=True)
    return [PersonResult(username=name, errors=[user_error(fault)] if fault else []) for name, fault in pairs]
