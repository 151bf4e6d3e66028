"""Mutations that share data sessions with users and organizations."""

from typing import Annotated

import strawberry

from models.accounts.roles import ObjectRole, PermissionVerb, Resource
from resolvers.data import datasession_grants as resolve
from schema.context import Info, as_graphql
from schema.data.datasession_mutations import DatasessionPayload
from schema.data.datasessions import DatasessionId
from schema.graphql.errors import errors_in_payload
from schema.graphql.node import decode_as
from schema.graphql.permissions import requires

Username = Annotated[str, strawberry.argument(description="The exact user name.")]
Role = Annotated[ObjectRole, strawberry.argument(description="The role on the data session.")]
OrganizationId = Annotated[strawberry.ID, strawberry.argument(description="The organization.")]


@strawberry.type(description="Mutations of data session roles.")
class DatasessionUserMutations:
    """Root fields."""

    @requires(Resource.DATASESSION, PermissionVerb.EDIT, description="Give a user a role on the data session.")
    @errors_in_payload(DatasessionPayload)
    async def datasession_user_add(
        self, info: Info, id: DatasessionId, username: Username, role: Role = ObjectRole.DATASESSION_VIEWER
    ) -> DatasessionPayload | None:
        """Grant a role."""
        key = decode_as("Datasession", id)
        return DatasessionPayload(
            datasession=as_graphql(await resolve.add_user(info.context.caller, key, username, role))
        )

    @requires(Resource.DATASESSION, PermissionVerb.EDIT, description="Remove a user's role on the data session.")
    @errors_in_payload(DatasessionPayload)
    async def datasession_user_remove(
        self, info: Info, id: DatasessionId, username: Username, role: Role = ObjectRole.DATASESSION_VIEWER
    ) -> DatasessionPayload | None:
        """Remove a role."""
        key = decode_as("Datasession", id)
        return DatasessionPayload(
            datasession=as_graphql(await resolve.remove_user(info.context.caller, key, username, role))
        )

    @requires(
        Resource.DATASESSION,
        PermissionVerb.EDIT,
        description="Give the members of an organization a role on the data session.",
    )
    @errors_in_payload(DatasessionPayload)
    async def datasession_organization_add(
        self,
        info: Info,
        id: DatasessionId,
        organization_id: OrganizationId,
        role: Role = ObjectRole.DATASESSION_VIEWER,
    ) -> DatasessionPayload | None:
        """Grant a role to an organization."""
        key, group = decode_as("Datasession", id), decode_as("Organization", organization_id, path=("organizationId",))
        return DatasessionPayload(
            datasession=as_graphql(await resolve.add_organization(info.context.caller, key, group, role))
        )

    @requires(Resource.DATASESSION, PermissionVerb.EDIT, description="Remove the role of an organization's members.")
    @errors_in_payload(DatasessionPayload)
    async def datasession_organization_remove(
        self,
        info: Info,
        id: DatasessionId,
        organization_id: OrganizationId,
        role: Role = ObjectRole.DATASESSION_VIEWER,
    ) -> DatasessionPayload | None:
        """Remove the role of an organization."""
        key, group = decode_as("Datasession", id), decode_as("Organization", organization_id, path=("organizationId",))
        return DatasessionPayload(
            datasession=as_graphql(await resolve.remove_organization(info.context.caller, key, group, role))
        )
