"""GraphQL types and root fields of members of organizations."""

from datetime import datetime

import strawberry

from models.accounts.organizations import MemberRole
from models.accounts.roles import PermissionVerb, Resource
from resolvers.accounts import members as resolve
from resolvers.paging.keyset import Sort
from schema.accounts.users import User
from schema.graphql.enums import graphql_enum
from schema.graphql.filters import DateTimeFilter, EnumFilter, Where, filter_by, where_input
from schema.graphql.list_definition import ListDefinition
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


@where_input("members")
class MembershipWhere(Where):
    """Conditions."""

    role: EnumFilter[MemberRole] | None = filter_by("Filter by role.")
    created_at: DateTimeFilter | None = filter_by("Filter by joining time.")


MEMBERS = ListDefinition(
    Membership,
    MembershipWhere,
    resolve.reader.rows,
    {"created_at": "The time of joining."},
    Sort("id"),
    plural="members",
    default_text="by joining time, oldest first",
)
