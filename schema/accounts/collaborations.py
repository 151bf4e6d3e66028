"""Collaborations as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from tortoise.expressions import Q

from models.accounts import collaborations as table
from models.accounts.roles import Operation, Resource
from models.policies.accounts import collaborations as policy
from resolvers.accounts import collaborations as resolve
from resolvers.paging.keyset import Sort, Window
from schema.accounts.participants import Participant, ParticipantsOrder, ParticipantsWhere, participant_condition
from schema.context import Context, Info, shown
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sorts
from schema.graphql.enums import expose
from schema.graphql.errors import Payload, reported
from schema.graphql.filters import BooleanFilter, DateTimeFilter, StringFilter, combined, given
from schema.graphql.idempotent_mutations import replayed
from schema.graphql.node import Node, decode_as, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import connect_within


@strawberry.type(description="Organizations that compute together.")
class Collaboration(Node):
    """Shows a collaboration."""

    model = table.Collaboration
    pk: strawberry.Private[int]
    name: str = public(description="Its unique name.")
    is_encrypted: bool = public(description="Whether what its organizations send one another is encrypted.")
    version: int = public(description="Counts its changes; give it as `expectedVersion` to change what you have seen.")
    created_at: datetime = public(description="When it was founded.")

    @requires(Resource.COLLABORATION, Operation.VIEW, description="Who takes part, longest first.")
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
        return await connect_within(info, rows, "collaboration_id", self.pk, sorts(order_by, Sort("id")), window)


@readers.register("Collaboration")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Collaboration]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class CollaborationColumn(StrEnum):
    """Columns that collaborations can be sorted by."""

    NAME = "name"
    CREATED_AT = "created_at"


expose(
    CollaborationColumn,
    "What collaborations can be sorted by.",
    {CollaborationColumn.NAME: "The name.", CollaborationColumn.CREATED_AT: "When it was founded."},
)


@strawberry.input(description="One sort key of collaborations.")
class CollaborationOrder:
    """A column and a direction."""

    field: CollaborationColumn = strawberry.field(description="The column.")
    direction: Direction = strawberry.field(description="Its direction.", default=Direction.ASC)


@strawberry.input(description="Conditions on collaborations; all must hold.")
class CollaborationWhere:
    """Conditions."""

    name: StringFilter | None = strawberry.field(description="On the name.", default=None)
    is_encrypted: BooleanFilter | None = strawberry.field(description="On whether it is encrypted.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="On when it was founded.", default=None)
    and_: list["CollaborationWhere"] | None = strawberry.field(
        name="AND", description="All of these as well.", default=None
    )
    or_: list["CollaborationWhere"] | None = strawberry.field(
        name="OR", description="At least one of these.", default=None
    )
    not_: "CollaborationWhere | None" = strawberry.field(name="NOT", description="And not this.", default=None)


def _own(where: CollaborationWhere) -> Q:
    return given(name=where.name, is_encrypted=where.is_encrypted, created_at=where.created_at)


Where = Annotated[CollaborationWhere | None, strawberry.argument(description="Only those for which all of this holds.")]
OrderBy = Annotated[list[CollaborationOrder] | None, strawberry.argument(description="The order; by name if not said.")]


@strawberry.type(description="Reads of collaborations.")
class CollaborationQueries:
    """Root fields."""

    @requires(Resource.COLLABORATION, Operation.VIEW, description="The collaborations of the caller's organizations.")
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
        rows = policy.readable(info.context.caller).filter(combined(where, _own))
        return await connect(rows, sorts(order_by, Sort("name")), Window(first, after, last, before))


@strawberry.input(description="A new collaboration.")
class CollaborationCreateInput:
    """What collaborationCreate takes."""

    name: str = strawberry.field(description="Its name, 1 to 128 characters.")
    organization_ids: list[strawberry.ID] = strawberry.field(description="Who takes part, 1 to 100 organizations.")
    is_encrypted: bool = strawberry.field(
        description="Whether what they send one another is encrypted; it stays so.", default=True
    )


@strawberry.input(description="Changes of a collaboration.")
class CollaborationUpdateInput:
    """What collaborationUpdate takes."""

    name: str = strawberry.field(description="A new name.")


@strawberry.type(description="The answer to a change of a collaboration.")
class CollaborationPayload(Payload):
    """A collaboration."""

    collaboration: Collaboration | None = public(description="The collaboration as it is now.", default=None)


CollaborationId = Annotated[strawberry.ID, strawberry.argument(description="The collaboration.")]
OrganizationId = Annotated[strawberry.ID, strawberry.argument(description="The organization.")]
Expected = Annotated[int | None, strawberry.argument(description="Change it only if this is still its version.")]


@strawberry.type(description="Changes of collaborations.")
class CollaborationMutations:
    """Root fields."""

    @requires(Resource.COLLABORATION, Operation.CREATE, description="Found a collaboration. Takes `@idempotent`.")
    @reported(CollaborationPayload)
    @replayed(CollaborationPayload, "collaboration")
    async def collaboration_create(
        self,
        info: Info,
        input: Annotated[CollaborationCreateInput, strawberry.argument(description="The collaboration.")],
    ) -> CollaborationPayload | None:
        """Found a collaboration."""
        keys = [decode_as("Organization", each, path=("organizationIds",)) for each in input.organization_ids]
        made = await resolve.create(info.context.caller, input.name, keys, is_encrypted=input.is_encrypted)
        return CollaborationPayload(collaboration=shown(made))

    @requires(Resource.COLLABORATION, Operation.EDIT, description="Rename a collaboration.")
    @reported(CollaborationPayload)
    async def collaboration_update(
        self,
        info: Info,
        id: CollaborationId,
        input: Annotated[CollaborationUpdateInput, strawberry.argument(description="What to change.")],
        expected_version: Expected = None,
    ) -> CollaborationPayload | None:
        """Rename a collaboration."""
        key = decode_as("Collaboration", id)
        changed = await resolve.update(info.context.caller, key, input.name, expected_version)
        return CollaborationPayload(collaboration=shown(changed))

    @requires(
        Resource.COLLABORATION,
        Operation.EDIT,
        description="Let an organization take part, of which the caller edits the collaborations as well.",
    )
    @reported(CollaborationPayload)
    async def collaboration_organization_add(
        self, info: Info, id: CollaborationId, organization_id: OrganizationId
    ) -> CollaborationPayload | None:
        """Add an organization."""
        key = decode_as("Collaboration", id)
        organization = decode_as("Organization", organization_id, path=("organizationId",))
        changed = await resolve.add_organization(info.context.caller, key, organization)
        return CollaborationPayload(collaboration=shown(changed))

    @requires(Resource.COLLABORATION, Operation.EDIT, description="Let an organization leave; the last one stays.")
    @reported(CollaborationPayload)
    async def collaboration_organization_remove(
        self, info: Info, id: CollaborationId, organization_id: OrganizationId
    ) -> CollaborationPayload | None:
        """Remove an organization."""
        key = decode_as("Collaboration", id)
        organization = decode_as("Organization", organization_id, path=("organizationId",))
        changed = await resolve.remove_organization(info.context.caller, key, organization)
        return CollaborationPayload(collaboration=shown(changed))
