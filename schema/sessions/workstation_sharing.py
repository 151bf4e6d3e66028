"""Workstations are shared with people and groups, one or many at once."""

from typing import Annotated

import strawberry

from models.accounts.roles import ObjectRole, Operation, Resource
from resolvers.sessions import workstation_sharing as resolve
from schema.context import Info, shown
from schema.execution.query_cost import Cost
from schema.graphql.bulk import ErrorPolicy, Policy, bounded
from schema.graphql.errors import Payload, reported
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires
from schema.graphql.person_results import PersonResult, Usernames, results_of
from schema.sessions.workstations import Workstation, WorkstationId, WorkstationPayload

Username = Annotated[str, strawberry.argument(description="The exact user name.")]
Role = Annotated[ObjectRole, strawberry.argument(description="The role on this workstation.")]
OrganizationId = Annotated[strawberry.ID, strawberry.argument(description="The organization, as a group of people.")]


@strawberry.type(description="The answer to a change of the roles of many people on a workstation.")
class WorkstationUsersPayload(Payload):
    """A workstation, and a result for each."""

    workstation: Workstation | None = public(description="The workstation.", default=None)
    results: list[PersonResult] = public(
        description="One for each name, in their order, each name once.",
        default_factory=list,
        directives=[Cost(size=100)],
    )


@strawberry.type(description="Changes of who shares workstations.")
class WorkstationUserMutations:
    """Root fields."""

    @requires(Resource.WORKSTATION, Operation.EDIT, description="Let somebody launch or edit the workstation.")
    @reported(WorkstationPayload)
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
        return WorkstationPayload(workstation=shown(changed))

    @requires(Resource.WORKSTATION, Operation.EDIT, description="Take a role on the workstation away from somebody.")
    @reported(WorkstationPayload)
    async def workstation_user_remove(
        self,
        info: Info,
        id: WorkstationId,
        username: Username,
        role: Role = ObjectRole.WORKSTATION_USER,
    ) -> WorkstationPayload | None:
        """Take a role away."""
        key = decode_as("Workstation", id)
        changed = await resolve.remove_user(info.context.caller, key, username, role)
        return WorkstationPayload(workstation=shown(changed))

    @requires(Resource.WORKSTATION, Operation.EDIT, description="Let an organization's members launch or edit it.")
    @reported(WorkstationPayload)
    async def workstation_organization_add(
        self,
        info: Info,
        id: WorkstationId,
        organization_id: OrganizationId,
        role: Role = ObjectRole.WORKSTATION_USER,
    ) -> WorkstationPayload | None:
        """Grant a role to a group."""
        key, group = decode_as("Workstation", id), decode_as("Organization", organization_id, path=("organizationId",))
        changed = await resolve.add_organization(info.context.caller, key, group, role)
        return WorkstationPayload(workstation=shown(changed))

    @requires(Resource.WORKSTATION, Operation.EDIT, description="Take a role from an organization's members.")
    @reported(WorkstationPayload)
    async def workstation_organization_remove(
        self,
        info: Info,
        id: WorkstationId,
        organization_id: OrganizationId,
        role: Role = ObjectRole.WORKSTATION_USER,
    ) -> WorkstationPayload | None:
        """Take a role from a group."""
        key, group = decode_as("Workstation", id), decode_as("Organization", organization_id, path=("organizationId",))
        changed = await resolve.remove_organization(info.context.caller, key, group, role)
        return WorkstationPayload(workstation=shown(changed))

    @requires(
        Resource.WORKSTATION,
        Operation.EDIT,
        description="Let up to 100 people launch or edit the workstation, with a result for each.",
        directives=[Cost(weight=50)],
    )
    @reported(WorkstationUsersPayload)
    async def workstation_users_add(
        self,
        info: Info,
        id: WorkstationId,
        usernames: Usernames,
        role: Role = ObjectRole.WORKSTATION_USER,
        error_policy: Policy = ErrorPolicy.IGNORE_FAILED,
    ) -> WorkstationUsersPayload | None:
        """Grant a role to many."""
        once = bounded(usernames, "usernames")
        rejects = error_policy is ErrorPolicy.REJECT_EVERYTHING
        key = decode_as("Workstation", id)
        changed, faults = await resolve.add_users(info.context.caller, key, once, role, all_or_none=rejects)
        return WorkstationUsersPayload(workstation=shown(changed), results=results_of(once, faults))

    @requires(
        Resource.WORKSTATION,
        Operation.EDIT,
        description="Take a role on the workstation away from up to 100 people, with a result for each.",
        directives=[Cost(weight=50)],
    )
    @reported(WorkstationUsersPayload)
    async def workstation_users_remove(
        self,
        info: Info,
        id: WorkstationId,
        usernames: Usernames,
        role: Role = ObjectRole.WORKSTATION_USER,
        error_policy: Policy = ErrorPolicy.IGNORE_FAILED,
    ) -> WorkstationUsersPayload | None:
        """Take a role away from many."""
        once = bounded(usernames, "usernames")
        rejects = error_policy is ErrorPolicy.REJECT_EVERYTHING
        key = decode_as("Workstation", id)
        changed, faults = await resolve.remove_users(info.context.caller, key, once, role, all_or_none=rejects)
        return WorkstationUsersPayload(workstation=shown(changed), results=results_of(once, faults))
