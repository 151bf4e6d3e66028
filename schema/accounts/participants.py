"""GraphQL types of the organizations that participate in collaborations."""

from datetime import datetime

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from resolvers.accounts import organizations
from resolvers.accounts import participants as resolve
from resolvers.paging.keyset import Sort
from schema.accounts.organizations import Organization
from schema.graphql.filters import DateTimeFilter, IdFilter, Where, filter_by, filter_by_id, where_input
from schema.graphql.list_definition import ListDefinition
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


@where_input("participants")
class ParticipantWhere(Where):
    """Conditions."""

    organization: IdFilter | None = filter_by_id("Filter by organization.", "Organization", organizations.reader.rows)
    created_at: DateTimeFilter | None = filter_by("Filter by joining time.")


PARTICIPANTS = ListDefinition(
    Participant,
    ParticipantWhere,
    resolve.reader.rows,
    {"created_at": "The time of joining."},
    Sort("id"),
    plural="participants",
    default_text="by joining time, oldest first",
)
