"""Organizations and their members as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry

from models import organizations as table
from models.access import Operation, Resource
from models.organizations import MemberRole
from models.policies import organizations as policy
from resolvers import organizations as resolve
from resolvers.paging import Sort, Window
from schema.accounts import User
from schema.context import Context, Info, shown
from schema.core.connection import After, Before, Connection, First, Last, connect
from schema.core.enums import expose
from schema.core.errors import Payload, reported
from schema.core.ids import Node, decode_as, readers
from schema.core.permissions import public, requires
from schema.relations import by, connect_within
from schema.replays import replayed

expose(
    MemberRole,
    "What a member is in an organization.",
    {
        MemberRole.GUEST: "May begin things of its own there.",
        MemberRole.READONLY: "Sees what belongs to the organization.",
        MemberRole.MEMBER: "Belongs to it.",
        MemberRole.ADMIN: "Also manages its members.",
    },
)


@strawberry.type(description="A user's membership in an organization.")
class Membership:
    """Shows a membership."""

    user_id: strawberry.Private[int]
    role: MemberRole = public(description="What the member is there.")
    created_at: datetime = public(description="Since when.")
    user: User | None = requires(
        Resource.USER,
        Operation.VIEW,
        description="The member; null when the caller may not know of them.",
        **by("user_id", "users"),
    )


@strawberry.type(description="A group of people who work together: an institute, a lab.")
class Organization(Node):
    """Shows an organization."""

    model = table.Organization
    pk: strawberry.Private[int]
    name: str = public(description="Its unique name.")
    slug: str = public(description="Its name in addresses.")
    created_at: datetime = public(description="When it was founded here.")

    @requires(Resource.ORGANIZATION, Operation.VIEW, description="Its members, longest first.")
    async def members(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Membership] | None:
        """Return one page."""
        rows = policy.readable_memberships(info.context.caller)
        window = Window(first, after, last, before)
        return await connect_within(info, rows, "organization_id", self.pk, [Sort("id")], window)


@readers.register("Organization")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Organization]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


@strawberry.type(description="Reads of organizations.")
class OrganizationQueries:
    """Root fields."""

    @requires(Resource.ORGANIZATION, Operation.VIEW, description="The caller's organizations, by name.")
    async def organizations(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Organization] | None:
        """Return one page."""
        return await connect(policy.readable(info.context.caller), [Sort("name")], Window(first, after, last, before))


@strawberry.type(description="The answer to a change of an organization.")
class OrganizationPayload(Payload):
    """An organization."""

    organization: Organization | None = public(description="The organization as it is now.", default=None)


Name = Annotated[str, strawberry.argument(description="Its name, 1 to 128 characters.")]
OrganizationId = Annotated[strawberry.ID, strawberry.argument(description="The organization.")]
Username = Annotated[str, strawberry.argument(description="The exact user name.")]
Part = Annotated[MemberRole, strawberry.argument(description="What they are to be.")]


@strawberry.type(description="Changes of organizations.")
class OrganizationMutations:
    """Root fields."""

    @requires(Resource.ORGANIZATION, Operation.CREATE, description="Found an organization. Takes `@idempotent`.")
    @reported(OrganizationPayload)
    @replayed(OrganizationPayload, "organization")
    async def organization_create(self, info: Info, name: Name) -> OrganizationPayload | None:
        """Found an organization."""
        return OrganizationPayload(organization=shown(await resolve.create(info.context.caller, name)))

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
