"""The version numbers of objects, by which mutations detect concurrent changes."""

from typing import Annotated

import strawberry

VERSION = (
    "The version number, which increases with every change. Pass it as `expectedVersion` to detect concurrent changes."
)
"""The description of a `version` field."""
ExpectedVersion = Annotated[
    int | None,
    strawberry.argument(
        description="The version that the caller read. The change is refused if the object has changed since."
    ),
]
