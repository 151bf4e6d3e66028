"""Members of organizations as clients see them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from tortoise.expressions import Q

from models.accounts.organizations import MemberRole
from models.accounts.roles import Operation, Resource
from schema.accounts.users import User
from schema.graphql.connection import Direction
from schema.graphql.enums import expose
from schema.graphql.filters import DateTimeFilter, EnumFilter, combined, given
from schema.graphql.permissions import public, requires
from schema.graphql.relations import by

expose(
    MemberRole,
    "What a member is in an organization.",
    {
        MemberRole.GUEST: "May begin things of its own there.",
        MemberRole.READONLY: "Sees what belongs to the organization.",
        MemberRole.MEMBER: "Belongs to it.",
        MemberRole.ADMIN: "Also manages its members.",
    },
)


@strawberry.type(description="A user's membership in an organization.")
class Membership:
    """Shows a membership."""

    user_id: strawberry.Private[int]
    role: MemberRole = public(description="What the member is there.")
    created_at: datetime = public(description="Since when.")

    user: User | None = requires(
        Resource.USER,
        Operation.VIEW,
        description="The member; null when the caller may not know of them.",
        **by("user_id", "users"),
    )


class MembershipColumn(StrEnum):
    """Columns that members can be sorted by."""

    CREATED_AT = "created_at"


expose(MembershipColumn, "What members can be sorted by.", {MembershipColumn.CREATED_AT: "Since when they are."})


@strawberry.input(description="One sort key of members.")
class MembershipOrder:
    """A column and a direction."""

    field: MembershipColumn = strawberry.field(description="The column.")
    direction: Direction = strawberry.field(description="Its direction.", default=Direction.ASC)


@strawberry.input(description="Conditions on members; all must hold.")
class MembershipWhere:
    """Conditions."""

    role: EnumFilter[MemberRole] | None = strawberry.field(description="On what they are.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="On since when they are.", default=None)
    and_: list["MembershipWhere"] | None = strawberry.field(
        name="AND", description="All of these as well.", default=None
    )
    or_: list["MembershipWhere"] | None = strawberry.field(
        name="OR", description="At least one of these.", default=None
    )
    not_: "MembershipWhere | None" = strawberry.field(name="NOT", description="And not this.", default=None)


def _own(where: MembershipWhere) -> Q:
    return given(role=where.role, created_at=where.created_at)


def member_condition(where: MembershipWhere | None) -> Q:
    """Return the whole condition of `where`."""
    return combined(where, _own)


MembersWhere = Annotated[
    MembershipWhere | None, strawberry.argument(description="Only those for which all of this holds.")
]
MembersOrder = Annotated[
    list[MembershipOrder] | None, strawberry.argument(description="The order; longest first if not said.")
]
