"""Mutations that add and remove members of organizations, one or many at once."""

from typing import Annotated

import strawberry

from models.accounts.organizations import MemberRole
from models.accounts.roles import PermissionVerb, Resource
from resolvers.accounts import members as resolve
from schema.accounts.organization_mutations import OrganizationPayload
from schema.accounts.organizations import Organization
from schema.context import Info, as_graphql
from schema.execution.query_cost import Cost
from schema.graphql.bulk import MAX_ROWS, ErrorPolicy, PersonResult, Policy, Usernames, distinct_batch, results_of
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires

OrganizationId = Annotated[strawberry.ID, strawberry.argument(description="The organization.")]
Username = Annotated[str, strawberry.argument(description="The exact user name.")]
Role = Annotated[MemberRole, strawberry.argument(description="The role of the member.")]


@strawberry.type(description="The payload of bulk mutations of members.")
class OrganizationMembersPayload(Payload):
    """An organization with a result for each user."""

    organization: Organization | None = public(description="The organization.", default=None)
    results: list[PersonResult] = public(
        description="One result for each name, in the given order, without duplicates.",
        default_factory=list,
        directives=[Cost(size=100)],
    )


@strawberry.type(description="Mutations of members of organizations.")
class MemberMutations:
    """Root fields."""

    @requires(Resource.ORGANIZATION, PermissionVerb.VIEW, description="Add a member, or change the role of a member.")
    @errors_in_payload(OrganizationPayload)
    async def organization_member_add(
        self,
        info: Info,
        id: OrganizationId,
        username: Username,
        role: Role = MemberRole.MEMBER,
    ) -> OrganizationPayload | None:
        """Add a member."""
        key = decode_as("Organization", id)
        organization = await resolve.add(info.context.caller, key, username, role)
        return OrganizationPayload(organization=as_graphql(organization))

    @requires(Resource.ORGANIZATION, PermissionVerb.VIEW, description="Remove a member.")
    @errors_in_payload(OrganizationPayload)
    async def organization_member_remove(
        self,
        info: Info,
        id: OrganizationId,
        username: Username,
    ) -> OrganizationPayload | None:
        """Remove a member."""
        organization = await resolve.remove(info.context.caller, decode_as("Organization", id), username)
        return OrganizationPayload(organization=as_graphql(organization))

    @requires(
        Resource.ORGANIZATION,
        PermissionVerb.VIEW,
        description=f"Add up to {MAX_ROWS} members or change their roles, with a result for each.",
        directives=[Cost(weight=50)],
    )
    @errors_in_payload(OrganizationMembersPayload)
    async def organization_members_add(
        self,
        info: Info,
        id: OrganizationId,
        usernames: Usernames,
        role: Role = MemberRole.MEMBER,
        error_policy: Policy = ErrorPolicy.IGNORE_FAILED,
    ) -> OrganizationMembersPayload | None:
        """Add many members."""
        distinct = distinct_batch(usernames, "usernames")
        all_or_none = error_policy is ErrorPolicy.REJECT_EVERYTHING
        key = decode_as("Organization", id)
        organization, faults = await resolve.add_many(info.context.caller, key, distinct, role, all_or_none=all_or_none)
        return OrganizationMembersPayload(organization=as_graphql(organization), results=results_of(distinct, faults))

    @requires(
        Resource.ORGANIZATION,
        PermissionVerb.VIEW,
        description=f"Remove up to {MAX_ROWS} members, with a result for each.",
        directives=[Cost(weight=50)],
    )
    @errors_in_payload(OrganizationMembersPayload)
    async def organization_members_remove(
        self,
        info: Info,
        id: OrganizationId,
        usernames: Usernames,
        error_policy: Policy = ErrorPolicy.IGNORE_FAILED,
    ) -> OrganizationMembersPayload | None:
        """Remove many members."""
        distinct = distinct_batch(usernames, "usernames")
        all_or_none = error_policy is ErrorPolicy.REJECT_EVERYTHING
        key = decode_as("Organization", id)
        organization, faults = await resolve.remove_many(info.context.caller, key, distinct, all_or_none=all_or_none)
        return OrganizationMembersPayload(organization=as_graphql(organization), results=results_of(distinct, faults))
