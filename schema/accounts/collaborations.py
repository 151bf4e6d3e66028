"""GraphQL types and root fields of collaborations."""

from datetime import datetime

import strawberry

from models.accounts import collaborations as table
from models.accounts.roles import Resource
from resolvers.accounts import collaborations as resolve
from resolvers.paging.keyset import Sort
from schema.accounts.participants import PARTICIPANTS
from schema.graphql.filters import BooleanFilter, DateTimeFilter, StringFilter, Where, filter_by, where_input
from schema.graphql.list_definition import ListDefinition
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public
from schema.graphql.versions import VERSION


@strawberry.type(description="A group of organizations that work together.")
class Collaboration(Node):
    """The GraphQL type of a collaboration."""

    model = table.Collaboration
    pk: strawberry.Private[int]
    name: str = public(description="The unique name.")
    is_encrypted: bool = public(description="Whether messages between its organizations are encrypted.")
    version: int = public(description=VERSION)
    created_at: datetime = public(description="The creation time.")

    participants = PARTICIPANTS.nested_field(
        Resource.COLLABORATION,
        "collaboration_id",
        description="The participating organizations, by joining time, oldest first.",
    )


readers.register_rows("Collaboration", resolve.reader)


@where_input("collaborations")
class CollaborationWhere(Where):
    """Conditions."""

    name: StringFilter | None = filter_by("Filter by name.")
    is_encrypted: BooleanFilter | None = filter_by("Filter by encryption.")
    created_at: DateTimeFilter | None = filter_by("Filter by creation time.")


COLLABORATIONS = ListDefinition(
    Collaboration,
    CollaborationWhere,
    resolve.reader.rows,
    {"name": "The name.", "created_at": "The creation time."},
    Sort("name"),
    plural="collaborations",
    default_text="by name",
)


@strawberry.type(description="Queries for collaborations.")
class CollaborationQueries:
    """Root fields."""

    collaborations = COLLABORATIONS.field(
        Resource.COLLABORATION, description="The collaborations of the caller's organizations."
    )
