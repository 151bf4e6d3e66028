"""The mutation that creates organizations. `member_mutations` changes their members."""

from typing import Annotated

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from models.services.accounts.organizations import NAME_LIMIT
from resolvers.accounts import organizations as resolve
from schema.accounts.organizations import Organization
from schema.context import Info, as_graphql
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.idempotency import idempotent_mutation
from schema.graphql.permissions import public, requires


@strawberry.type(description="The payload of organization mutations.")
class OrganizationPayload(Payload):
    """An organization."""

    organization: Organization | None = public(description="The current organization.", default=None)


Name = Annotated[str, strawberry.argument(description=f"The name, 1 to {NAME_LIMIT} characters.")]


@strawberry.type(description="Mutations of organizations.")
class OrganizationMutations:
    """Root fields."""

    @requires(
        Resource.ORGANIZATION, PermissionVerb.CREATE, description="Create an organization. Accepts `@idempotent`."
    )
    @errors_in_payload(OrganizationPayload)
    @idempotent_mutation(OrganizationPayload, "organization")
    async def organization_create(self, info: Info, name: Name) -> OrganizationPayload | None:
        """Create an organization."""
        return OrganizationPayload(organization=as_graphql(await resolve.create(info.context.caller, name)))
