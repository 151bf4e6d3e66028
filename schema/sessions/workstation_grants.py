"""Mutations that share workstations with users and organizations, one or many at once."""

from typing import Annotated

import strawberry

from models.accounts.roles import ObjectRole, PermissionVerb, Resource
from resolvers.sessions import workstation_grants as resolve
from schema.context import Info, as_graphql
from schema.execution.query_cost import Cost
from schema.graphql.bulk import MAX_ROWS, ErrorPolicy, PersonResult, Policy, Usernames, distinct_batch, results_of
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires
from schema.sessions.workstation_mutations import WorkstationId, WorkstationPayload
from schema.sessions.workstations import Workstation

Username = Annotated[str, strawberry.argument(description="The exact user name.")]
Role = Annotated[ObjectRole, strawberry.argument(description="The role on the workstation.")]
OrganizationId = Annotated[strawberry.ID, strawberry.argument(description="The organization.")]


@strawberry.type(description="The payload of bulk mutations of workstation roles.")
class WorkstationUsersPayload(Payload):
    """A workstation with a result for each user."""

    workstation: Workstation | None = public(description="The workstation.", default=None)
    results: list[PersonResult] = public(
        description="One result for each name, in the given order, without duplicates.",
        default_factory=list,
        directives=[Cost(size=100)],
    )


@strawberry.type(description="Mutations of workstation roles.")
class WorkstationUserMutations:
    """Root fields."""

    @requires(Resource.WORKSTATION, PermissionVerb.EDIT, description="Give a user a role on the workstation.")
    @errors_in_payload(WorkstationPayload)
    async def workstation_user_add(
        self,
        info: Info,
        id: WorkstationId,
        username: Username,
        role: Role = ObjectRole.WORKSTATION_USER,
    ) -> WorkstationPayload | None:
        """Grant a role."""
        key = decode_as("Workstation", id)
        changed = await resolve.add_user(info.context.caller, key, username, role)
        return WorkstationPayload(workstation=as_graphql(changed))

    @requires(Resource.WORKSTATION, PermissionVerb.EDIT, description="Remove a user's role on the workstation.")
    @errors_in_payload(WorkstationPayload)
    async def workstation_user_remove(
        self,
        info: Info,
        id: WorkstationId,
        username: Username,
        role: Role = ObjectRole.WORKSTATION_USER,
    ) -> WorkstationPayload | None:
        """Remove a role."""
        key = decode_as("Workstation", id)
        changed = await resolve.remove_user(info.context.caller, key, username, role)
        return WorkstationPayload(workstation=as_graphql(changed))

    @requires(
        Resource.WORKSTATION,
        PermissionVerb.EDIT,
        description="Give the members of an organization a role on the workstation.",
    )
    @errors_in_payload(WorkstationPayload)
    async def workstation_organization_add(
        self,
        info: Info,
        id: WorkstationId,
        organization_id: OrganizationId,
        role: Role = ObjectRole.WORKSTATION_USER,
    ) -> WorkstationPayload | None:
        """Grant a role to an organization."""
        key, group = decode_as("Workstation", id), decode_as("Organization", organization_id, path=("organizationId",))
        changed = await resolve.add_organization(info.context.caller, key, group, role)
        return WorkstationPayload(workstation=as_graphql(changed))

    @requires(Resource.WORKSTATION, PermissionVerb.EDIT, description="Remove the role of an organization's members.")
    @errors_in_payload(WorkstationPayload)
    async def workstation_organization_remove(
        self,
        info: Info,
        id: WorkstationId,
        organization_id: OrganizationId,
        role: Role = ObjectRole.WORKSTATION_USER,
    ) -> WorkstationPayload | None:
        """Remove the role of an organization."""
        key, group = decode_as("Workstation", id), decode_as("Organization", organization_id, path=("organizationId",))
        changed = await resolve.remove_organization(info.context.caller, key, group, role)
        return WorkstationPayload(workstation=as_graphql(changed))

    @requires(
        Resource.WORKSTATION,
        PermissionVerb.EDIT,
        description=f"Give up to {MAX_ROWS} users a role on the workstation, with a result for each.",
        directives=[Cost(weight=50)],
    )
    @errors_in_payload(WorkstationUsersPayload)
    async def workstation_users_add(
        self,
        info: Info,
        id: WorkstationId,
        usernames: Usernames,
        role: Role = ObjectRole.WORKSTATION_USER,
        error_policy: Policy = ErrorPolicy.IGNORE_FAILED,
    ) -> WorkstationUsersPayload | None:
        """Grant a role to many users."""
        distinct = distinct_batch(usernames, "usernames")
        all_or_none = error_policy is ErrorPolicy.REJECT_EVERYTHING
        key = decode_as("Workstation", id)
        changed, faults = await resolve.add_users(info.context.caller, key, distinct, role, all_or_none=all_or_none)
        return WorkstationUsersPayload(workstation=as_graphql(changed), results=results_of(distinct, faults))

    @requires(
        Resource.WORKSTATION,
        PermissionVerb.EDIT,
        description=f"Remove the role of up to {MAX_ROWS} users on the workstation, with a result for each.",
        directives=[Cost(weight=50)],
    )
    @errors_in_payload(WorkstationUsersPayload)
    async def workstation_users_remove(
        self,
        info: Info,
        id: WorkstationId,
        usernames: Usernames,
        role: Role = ObjectRole.WORKSTATION_USER,
        error_policy: Policy = ErrorPolicy.IGNORE_FAILED,
    ) -> WorkstationUsersPayload | None:
        """Remove the role of many users."""
        distinct = distinct_batch(usernames, "usernames")
        all_or_none = error_policy is ErrorPolicy.REJECT_EVERYTHING
        key = decode_as("Workstation", id)
        changed, faults = await resolve.remove_users(info.context.caller, key, distinct, role, all_or_none=all_or_none)
        return WorkstationUsersPayload(workstation=as_graphql(changed), results=results_of(distinct, faults))
