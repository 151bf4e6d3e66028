"""GraphQL types and root fields of members of organizations."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from tortoise.expressions import Q

from models.accounts.organizations import MemberRole
from models.accounts.roles import PermissionVerb, Resource
from schema.accounts.users import User
from schema.graphql.connection import Direction
from schema.graphql.enums import graphql_enum
from schema.graphql.filters import DateTimeFilter, EnumFilter, column_conditions, where_condition
from schema.graphql.permissions import public, requires
from schema.graphql.relations import loaded_by

graphql_enum(
    MemberRole,
    "The role of a member in an organization.",
    {
        MemberRole.GUEST: "Can create own objects in the organization.",
        MemberRole.READONLY: "Can see the objects of the organization.",
        MemberRole.MEMBER: "Is a full member.",
        MemberRole.ADMIN: "Can manage the members too.",
    },
)


@strawberry.type(description="The membership of a user in an organization.")
class Membership:
    """The GraphQL type of a membership."""

    user_id: strawberry.Private[int]
    role: MemberRole = public(description="The role of the member.")
    created_at: datetime = public(description="The time of joining.")

    user: User | None = requires(
        Resource.USER,
        PermissionVerb.VIEW,
        description="The member. Null if the caller cannot see this user.",
        **loaded_by("user_id", "users"),
    )


class MembershipColumn(StrEnum):
    """Columns that members can be sorted by."""

    CREATED_AT = "created_at"


graphql_enum(
    MembershipColumn,
    "The columns that members can be sorted by.",
    {MembershipColumn.CREATED_AT: "The time of joining."},
)


@strawberry.input(description="A sort key for members.")
class MembershipOrder:
    """A column and a direction."""

    field: MembershipColumn = strawberry.field(description="The column to sort by.")
    direction: Direction = strawberry.field(description="The sort direction.", default=Direction.ASC)


@strawberry.input(description="Conditions on members. All must be true.")
class MembershipWhere:
    """Conditions."""

    role: EnumFilter[MemberRole] | None = strawberry.field(description="Filter by role.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="Filter by joining time.", default=None)
    and_: list["MembershipWhere"] | None = strawberry.field(
        name="AND", description="All of these conditions must be true.", default=None
    )
    or_: list["MembershipWhere"] | None = strawberry.field(
        name="OR", description="At least one of these conditions must be true.", default=None
    )
    not_: "MembershipWhere | None" = strawberry.field(
        name="NOT", description="This condition must be false.", default=None
    )


def _own_condition(where: MembershipWhere) -> Q:
    return column_conditions(role=where.role, created_at=where.created_at)


def member_condition(where: MembershipWhere | None) -> Q:
    """Return the condition of `where`."""
    return where_condition(where, _own_condition)


MembersWhere = Annotated[
    MembershipWhere | None, strawberry.argument(description="Return only the objects that match this filter.")
]
MembersOrder = Annotated[
    list[MembershipOrder] | None,
    strawberry.argument(description="The sort order. The default is by joining time, oldest first."),
]
