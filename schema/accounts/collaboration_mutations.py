"""Mutations that create and rename collaborations, and add and remove their organizations."""

from typing import Annotated

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from models.services.accounts.collaborations import NAME_LIMIT
from resolvers.accounts import collaborations as resolve
from schema.accounts.collaborations import Collaboration
from schema.context import Info, as_graphql
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.idempotency import idempotent_mutation
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires
from schema.graphql.versions import ExpectedVersion


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
        expected_version: ExpectedVersion = None,
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
