"""Arguments and results of bulk mutations on users."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from resolvers.bulk import ItemError
from schema.graphql.bulk import MAX_ROWS
from schema.graphql.errors import UserError, user_error
from schema.graphql.permissions import public

Usernames = Annotated[list[str], strawberry.argument(description=f"The exact user names, 1 to {MAX_ROWS}.")]


@strawberry.type(description="The result of a bulk mutation for one user.")
class PersonResult:
    """A user name with its errors."""

    username: str = public(description="The given user name.")
    errors: list[UserError] = public(description="The errors. Empty on success.")


def results_of(usernames: Sequence[str], faults: Sequence[ItemError | None]) -> list[PersonResult]:
    """Return one result for each user name."""
    pairs = zip(usernames, faults, strict=True)
    return [PersonResult(username=name, errors=[user_error(fault)] if fault else []) for name, fault in pairs]
