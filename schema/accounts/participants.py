"""GraphQL types of the organizations that participate in collaborations."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from tortoise.expressions import Q

from models.accounts.roles import PermissionVerb, Resource
from models.permissions.principal import Principal
from models.policies.accounts import organizations
from schema.accounts.organizations import Organization
from schema.graphql.connection import Direction
from schema.graphql.enums import graphql_enum
from schema.graphql.filters import DateTimeFilter, IdFilter, all_of, column_conditions, where_condition
from schema.graphql.permissions import public, requires
from schema.graphql.relations import loaded_by


@strawberry.type(description="The participation of an organization in a collaboration.")
class Participant:
    """The GraphQL type of a participant."""

    organization_id: strawberry.Private[int]
    created_at: datetime = public(description="The time of joining.")

    organization: Organization | None = requires(
        Resource.ORGANIZATION,
        PermissionVerb.VIEW,
        description="The organization. Null if the caller cannot see it.",
        **loaded_by("organization_id", "organizations"),
    )


class ParticipantColumn(StrEnum):
    """Columns that participants can be sorted by."""

    CREATED_AT = "created_at"


graphql_enum(
    ParticipantColumn,
    "The columns that participants can be sorted by.",
    {ParticipantColumn.CREATED_AT: "The time of joining."},
)


@strawberry.input(description="A sort key for participants.")
class ParticipantOrder:
    """A column and a direction."""

    field: ParticipantColumn = strawberry.field(description="The column to sort by.")
    direction: Direction = strawberry.field(description="The sort direction.", default=Direction.ASC)


@strawberry.input(description="Conditions on participants. All must be true.")
class ParticipantWhere:
    """Conditions."""

    organization: IdFilter | None = strawberry.field(description="Filter by organization.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="Filter by joining time.", default=None)
    and_: list["ParticipantWhere"] | None = strawberry.field(
        name="AND", description="All of these conditions must be true.", default=None
    )
    or_: list["ParticipantWhere"] | None = strawberry.field(
        name="OR", description="At least one of these conditions must be true.", default=None
    )
    not_: "ParticipantWhere | None" = strawberry.field(
        name="NOT", description="This condition must be false.", default=None
    )


def _own_condition(where: ParticipantWhere, caller: Principal) -> Q:
    visible = organizations.readable(caller)
    return all_of(
        column_conditions(created_at=where.created_at),
        where.organization.condition("organization_id", "Organization", visible) if where.organization else Q(),
    )


def participant_condition(where: ParticipantWhere | None, caller: Principal) -> Q:
    """Return the condition of `where`, limited to objects the caller can see."""
    return where_condition(where, lambda each: _own_condition(each, caller))


ParticipantsWhere = Annotated[
    ParticipantWhere | None, strawberry.argument(description="Return only the objects that match this filter.")
]
ParticipantsOrder = Annotated[
    list[ParticipantOrder] | None,
    strawberry.argument(description="The sort order. The default is by joining time, oldest first."),
]
