"""GraphQL types and root fields of collaborations."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from tortoise.expressions import Q

from models.accounts import collaborations as table
from models.accounts.roles import PermissionVerb, Resource
from models.policies.accounts import collaborations as policy
from models.services.accounts.collaborations import NAME_LIMIT
from resolvers.accounts import collaborations as resolve
from resolvers.paging.keyset import Sort, Window
from schema.accounts.participants import Participant, ParticipantsOrder, ParticipantsWhere, participant_condition
from schema.context import Context, Info, as_graphql
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sort_keys
from schema.graphql.enums import graphql_enum
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.filters import BooleanFilter, DateTimeFilter, StringFilter, column_conditions, where_condition
from schema.graphql.idempotent_mutations import idempotent_mutation
from schema.graphql.node import Node, decode_as, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import connect_nested


@strawberry.type(description="A group of organizations that work together.")
class Collaboration(Node):
    """The GraphQL type of a collaboration."""

    model = table.Collaboration
    pk: strawberry.Private[int]
    name: str = public(description="The unique name.")
    is_encrypted: bool = public(description="Whether messages between its organizations are encrypted.")
    version: int = public(
        description="The version number, which increases with every change. "
        "Pass it as `expectedVersion` to detect concurrent changes."
    )
    created_at: datetime = public(description="The creation time.")

    @requires(
        Resource.COLLABORATION,
        PermissionVerb.VIEW,
        description="The participating organizations, by joining time, oldest first.",
    )
    async def participants(
        self,
        info: Info,
        where: ParticipantsWhere = None,
        order_by: ParticipantsOrder = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Participant] | None:
        """Return one page."""
        caller = info.context.caller
        rows = policy.readable_participants(caller).filter(participant_condition(where, caller))
        window = Window(first, after, last, before)
        return await connect_nested(info, rows, "collaboration_id", self.pk, sort_keys(order_by, Sort("id")), window)


@readers.register("Collaboration")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Collaboration]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class CollaborationColumn(StrEnum):
    """Columns that collaborations can be sorted by."""

    NAME = "name"
    CREATED_AT = "created_at"


graphql_enum(
    CollaborationColumn,
    "The columns that collaborations can be sorted by.",
    {CollaborationColumn.NAME: "The name.", CollaborationColumn.CREATED_AT: "The creation time."},
)


@strawberry.input(description="A sort key for collaborations.")
class CollaborationOrder:
    """A column and a direction."""

    field: CollaborationColumn = strawberry.field(description="The column to sort by.")
    direction: Direction = strawberry.field(description="The sort direction.", default=Direction.ASC)


@strawberry.input(description="Conditions on collaborations. All must be true.")
class CollaborationWhere:
    """Conditions."""

    name: StringFilter | None = strawberry.field(description="Filter by name.", default=None)
    is_encrypted: BooleanFilter | None = strawberry.field(description="Filter by encryption.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="Filter by creation time.", default=None)
    and_: list["CollaborationWhere"] | None = strawberry.field(
        name="AND", description="All of these conditions must be true.", default=None
    )
    or_: list["CollaborationWhere"] | None = strawberry.field(
        name="OR", description="At least one of these conditions must be true.", default=None
    )
    not_: "CollaborationWhere | None" = strawberry.field(
        name="NOT", description="This condition must be false.", default=None
    )


def _own_condition(where: CollaborationWhere) -> Q:
    return column_conditions(name=where.name, is_encrypted=where.is_encrypted, created_at=where.created_at)


Where = Annotated[
    CollaborationWhere | None, strawberry.argument(description="Return only the objects that match this filter.")
]
OrderBy = Annotated[
    list[CollaborationOrder] | None, strawberry.argument(description="The sort order. The default is by name.")
]


@strawberry.type(description="Queries for collaborations.")
class CollaborationQueries:
    """Root fields."""

    @requires(
        Resource.COLLABORATION, PermissionVerb.VIEW, description="The collaborations of the caller's organizations."
    )
    async def collaborations(
        self,
        info: Info,
        where: Where = None,
        order_by: OrderBy = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Collaboration] | None:
        """Return one page."""
        rows = policy.readable(info.context.caller).filter(where_condition(where, _own_condition))
        return await connect(rows, sort_keys(order_by, Sort("name")), Window(first, after, last, before))


@strawberry.input(description="A new collaboration.")
class CollaborationCreateInput:
    """The input of collaborationCreate."""

    name: str = strawberry.field(description=f"The name, 1 to {NAME_LIMIT} characters.")
    organization_ids: list[strawberry.ID] = strawberry.field(
        description=f"The participating organizations, 1 to {resolve.MAX_ORGANIZATIONS}."
    )
    is_encrypted: bool = strawberry.field(
        description="Whether messages between the organizations are encrypted. Cannot be changed later.", default=True
    )


@strawberry.input(description="Changes to a collaboration.")
class CollaborationUpdateInput:
    """The input of collaborationUpdate."""

    name: str = strawberry.field(description="The new name.")


@strawberry.type(description="The payload of collaboration mutations.")
class CollaborationPayload(Payload):
    """A collaboration."""

    collaboration: Collaboration | None = public(description="The current collaboration.", default=None)


CollaborationId = Annotated[strawberry.ID, strawberry.argument(description="The collaboration.")]
OrganizationId = Annotated[strawberry.ID, strawberry.argument(description="The organization.")]
Expected = Annotated[
    int | None,
    strawberry.argument(
        description="The version that the caller read. The change is refused if the object has changed since."
    ),
]


@strawberry.type(description="Mutations of collaborations.")
class CollaborationMutations:
    """Root fields."""

    @requires(
        Resource.COLLABORATION, PermissionVerb.CREATE, description="Create a collaboration. Accepts `@idempotent`."
    )
    @errors_in_payload(CollaborationPayload)
    @idempotent_mutation(CollaborationPayload, "collaboration")
    async def collaboration_create(
        self,
        info: Info,
        input: Annotated[CollaborationCreateInput, strawberry.argument(description="The collaboration.")],
    ) -> CollaborationPayload | None:
        """Create a collaboration."""
        keys = [decode_as("Organization", each, path=("organizationIds",)) for each in input.organization_ids]
        created = await resolve.create(info.context.caller, input.name, keys, is_encrypted=input.is_encrypted)
        return CollaborationPayload(collaboration=as_graphql(created))

    @requires(Resource.COLLABORATION, PermissionVerb.EDIT, description="Rename a collaboration.")
    @errors_in_payload(CollaborationPayload)
    async def collaboration_update(
        self,
        info: Info,
        id: CollaborationId,
        input: Annotated[CollaborationUpdateInput, strawberry.argument(description="The changes.")],
        expected_version: Expected = None,
    ) -> CollaborationPayload | None:
        """Rename a collaboration."""
        key = decode_as("Collaboration", id)
        changed = await resolve.update(info.context.caller, key, input.name, expected_version)
        return CollaborationPayload(collaboration=as_graphql(changed))

    @requires(
        Resource.COLLABORATION,
        PermissionVerb.EDIT,
        description="Add an organization. The caller must be able to edit that organization's collaborations too.",
    )
    @errors_in_payload(CollaborationPayload)
    async def collaboration_organization_add(
        self, info: Info, id: CollaborationId, organization_id: OrganizationId
    ) -> CollaborationPayload | None:
        """Add an organization."""
        key = decode_as("Collaboration", id)
        organization = decode_as("Organization", organization_id, path=("organizationId",))
        changed = await resolve.add_organization(info.context.caller, key, organization)
        return CollaborationPayload(collaboration=as_graphql(changed))

    @requires(
        Resource.COLLABORATION,
        PermissionVerb.EDIT,
        description="Remove an organization. The last one cannot be removed.",
    )
    @errors_in_payload(CollaborationPayload)
    async def collaboration_organization_remove(
        self, info: Info, id: CollaborationId, organization_id: OrganizationId
    ) -> CollaborationPayload | None:
        """Remove an organization."""
        key = decode_as("Collaboration", id)
        organization = decode_as("Organization", organization_id, path=("organizationId",))
        changed = await resolve.remove_organization(info.context.caller, key, organization)
        return CollaborationPayload(collaboration=as_graphql(changed))
