"""Data sessions are shared by grants."""

from typing import Annotated

import strawberry

from models.accounts.roles import ObjectRole, Operation, Resource
from resolvers.data import datasession_sharing as resolve
from schema.context import Info, shown
from schema.data.datasession_mutations import DatasessionPayload
from schema.data.datasessions import DatasessionId
from schema.graphql.errors import reported
from schema.graphql.node import decode_as
from schema.graphql.permissions import requires

Username = Annotated[str, strawberry.argument(description="The exact user name.")]
Role = Annotated[ObjectRole, strawberry.argument(description="The role on this data session.")]
OrganizationId = Annotated[strawberry.ID, strawberry.argument(description="The organization, as a group of people.")]


@strawberry.type(description="Grants on data sessions.")
class DatasessionUserMutations:
    """Root fields."""

    @requires(Resource.DATASESSION, Operation.EDIT, description="Let somebody see the data session, or work in it.")
    @reported(DatasessionPayload)
    async def datasession_user_add(
        self, info: Info, id: DatasessionId, username: Username, role: Role = ObjectRole.DATASESSION_VIEWER
    ) -> DatasessionPayload | None:
        """Grant a role."""
        key = decode_as("Datasession", id)
        return DatasessionPayload(datasession=shown(await resolve.add_user(info.context.caller, key, username, role)))

    @requires(Resource.DATASESSION, Operation.EDIT, description="Take a role on the data session from somebody.")
    @reported(DatasessionPayload)
    async def datasession_user_remove(
        self, info: Info, id: DatasessionId, username: Username, role: Role = ObjectRole.DATASESSION_VIEWER
    ) -> DatasessionPayload | None:
        """Take a role away."""
        key = decode_as("Datasession", id)
        return DatasessionPayload(
            datasession=shown(await resolve.remove_user(info.context.caller, key, username, role))
        )

    @requires(Resource.DATASESSION, Operation.EDIT, description="Let an organization's members see it, or work in it.")
    @reported(DatasessionPayload)
    async def datasession_organization_add(
        self,
        info: Info,
        id: DatasessionId,
        organization_id: OrganizationId,
        role: Role = ObjectRole.DATASESSION_VIEWER,
    ) -> DatasessionPayload | None:
        """Grant a role to a group."""
        key, group = decode_as("Datasession", id), decode_as("Organization", organization_id, path=("organizationId",))
        return DatasessionPayload(
            datasession=shown(await resolve.add_organization(info.context.caller, key, group, role))
        )

    @requires(Resource.DATASESSION, Operation.EDIT, description="Take a role from an organization's members.")
    @reported(DatasessionPayload)
    async def datasession_organization_remove(
        self,
        info: Info,
        id: DatasessionId,
        organization_id: OrganizationId,
        role: Role = ObjectRole.DATASESSION_VIEWER,
    ) -> DatasessionPayload | None:
        """Take a role from a group."""
        key, group = decode_as("Datasession", id), decode_as("Organization", organization_id, path=("organizationId",))
        return DatasessionPayload(
            datasession=shown(await resolve.remove_organization(info.context.caller, key, group, role))
        )
