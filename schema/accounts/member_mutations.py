"""People become members of organizations and leave them, one or many at once."""

from typing import Annotated

import strawberry

from models.accounts.organizations import MemberRole
from models.accounts.roles import Operation, Resource
from resolvers.accounts import organizations as resolve
from schema.accounts.organizations import Organization, OrganizationPayload
from schema.context import Info, shown
from schema.execution.query_cost import Cost
from schema.graphql.bulk import ErrorPolicy, Policy, bounded
from schema.graphql.errors import Payload, reported
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires
from schema.graphql.person_results import PersonResult, Usernames, results_of

OrganizationId = Annotated[strawberry.ID, strawberry.argument(description="The organization.")]
Username = Annotated[str, strawberry.argument(description="The exact user name.")]
Part = Annotated[MemberRole, strawberry.argument(description="What they are to be.")]


@strawberry.type(description="The answer to a change of many members.")
class OrganizationMembersPayload(Payload):
    """An organization, and a result for each."""

    organization: Organization | None = public(description="The organization.", default=None)
    results: list[PersonResult] = public(
        description="One for each name, in their order, each name once.",
        default_factory=list,
        directives=[Cost(size=100)],
    )


@strawberry.type(description="Changes of who belongs to organizations.")
class JoiningMutations:
    """Root fields."""

    @requires(Resource.ORGANIZATION, Operation.VIEW, description="Make somebody a member, or change what they are.")
    @reported(OrganizationPayload)
    async def organization_member_add(
        self,
        info: Info,
        id: OrganizationId,
        username: Username,
        role: Part = MemberRole.MEMBER,
    ) -> OrganizationPayload | None:
        """Add a member."""
        key = decode_as("Organization", id)
        organization = await resolve.add_member(info.context.caller, key, username, role)
        return OrganizationPayload(organization=shown(organization))

    @requires(Resource.ORGANIZATION, Operation.VIEW, description="End somebody's membership.")
    @reported(OrganizationPayload)
    async def organization_member_remove(
        self,
        info: Info,
        id: OrganizationId,
        username: Username,
    ) -> OrganizationPayload | None:
        """Remove a member."""
        organization = await resolve.remove_member(info.context.caller, decode_as("Organization", id), username)
        return OrganizationPayload(organization=shown(organization))

    @requires(
        Resource.ORGANIZATION,
        Operation.VIEW,
        description="Make up to 100 people members, or change what they are, with a result for each.",
        directives=[Cost(weight=50)],
    )
    @reported(OrganizationMembersPayload)
    async def organization_members_add(
        self,
        info: Info,
        id: OrganizationId,
        usernames: Usernames,
        role: Part = MemberRole.MEMBER,
        error_policy: Policy = ErrorPolicy.IGNORE_FAILED,
    ) -> OrganizationMembersPayload | None:
        """Add many members."""
        once = bounded(usernames, "usernames")
        rejects = error_policy is ErrorPolicy.REJECT_EVERYTHING
        key = decode_as("Organization", id)
        organization, faults = await resolve.add_members(info.context.caller, key, once, role, all_or_none=rejects)
        return OrganizationMembersPayload(organization=shown(organization), results=results_of(once, faults))

    @requires(
        Resource.ORGANIZATION,
        Operation.VIEW,
        description="End the memberships of up to 100 people, with a result for each.",
        directives=[Cost(weight=50)],
    )
    @reported(OrganizationMembersPayload)
    async def organization_members_remove(
        self,
        info: Info,
        id: OrganizationId,
        usernames: Usernames,
        error_policy: Policy = ErrorPolicy.IGNORE_FAILED,
    ) -> OrganizationMembersPayload | None:
        """Remove many members."""
        once = bounded(usernames, "usernames")
        rejects = error_policy is ErrorPolicy.REJECT_EVERYTHING
        key = decode_as("Organization", id)
        organization, faults = await resolve.remove_members(info.context.caller, key, once, all_or_none=rejects)
        return OrganizationMembersPayload(organization=shown(organization), results=results_of(once, faults))
