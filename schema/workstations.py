"""Workstations as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from tortoise.expressions import Q

from models import workstations as table
from models.access import ObjectRole, Operation, Resource
from models.policies import images as image_policy
from models.policies import workstations as policy
from resolvers import workstations as resolve
from resolvers.paging import Sort, Window
from schema.accounts import User
from schema.context import Context, Info, shown
from schema.core.connection import After, Before, Connection, Direction, First, Last, connect, sorts
from schema.core.enums import expose
from schema.core.errors import Payload, reported
from schema.core.filters import StringFilter, combined, every
from schema.core.ids import Node, decode_as, readers
from schema.core.permissions import public, requires
from schema.images import Image
from schema.relations import by, connect_within
from schema.replays import replayed

SLUG_LIMIT = 64


@strawberry.type(description="A viewer, notebook or desktop that can be launched as a session.")
class Workstation(Node):
    """Shows a workstation."""

    model = table.Workstation
    pk: strawberry.Private[int]
    creator_id: strawberry.Private[int | None]
    title: str = public(description="Its title.")
    slug: str = public(description="Its unique name in addresses.")
    description: str = public(description="What it is for.")
    is_public: bool = public(description="Whether every signed-in user may launch it.")
    version: int = public(description="Counts its changes; give it as `expectedVersion` to change what you have seen.")
    created_at: datetime = public(description="When it was made.")
    updated_at: datetime = public(description="When it was last changed.")

    creator: User | None = requires(
        Resource.USER,
        Operation.VIEW,
        description="Who made it; null when the caller may not know of them.",
        **by("creator_id", "users"),
    )
    active_image: Image | None = requires(
        Resource.IMAGE,
        Operation.VIEW,
        description="The image that new sessions run; null while there is none.",
        **by("pk", "active_images"),
    )
    can_edit: bool = public(description="Whether the caller may edit it.", **by("pk", "editable"))

    @requires(Resource.IMAGE, Operation.VIEW, description="Its images, newest first: all for editors.")
    async def images(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Image] | None:
        """Return one page."""
        rows, order = image_policy.readable(info.context.caller), [Sort("id", descending=True)]
        return await connect_within(info, rows, "workstation_id", self.pk, order, Window(first, after, last, before))


@readers.register("Workstation")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Workstation]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class WorkstationColumn(StrEnum):
    """Columns that workstations can be sorted by."""

    TITLE = "title"
    CREATED_AT = "created_at"


expose(
    WorkstationColumn,
    "What workstations can be sorted by.",
    {WorkstationColumn.TITLE: "The title.", WorkstationColumn.CREATED_AT: "When it was made."},
)


@strawberry.input(description="One sort key of workstations.")
class WorkstationOrder:
    """A column and a direction."""

    field: WorkstationColumn = strawberry.field(description="The column.")
    direction: Direction = strawberry.field(description="Its direction.", default=Direction.ASC)


@strawberry.input(description="Conditions on workstations; all must hold.")
class WorkstationWhere:
    """Conditions."""

    title: StringFilter | None = strawberry.field(description="On the title.", default=None)
    slug: StringFilter | None = strawberry.field(description="On the slug.", default=None)
    and_: list["WorkstationWhere"] | None = strawberry.field(
        name="AND", description="All of these as well.", default=None
    )
    or_: list["WorkstationWhere"] | None = strawberry.field(
        name="OR", description="At least one of these.", default=None
    )
    not_: "WorkstationWhere | None" = strawberry.field(name="NOT", description="And not this.", default=None)


def _own(where: WorkstationWhere) -> Q:
    return every(
        where.title.condition("title") if where.title else Q(),
        where.slug.condition("slug") if where.slug else Q(),
    )


Where = Annotated[WorkstationWhere | None, strawberry.argument(description="Only those for which all of this holds.")]
OrderBy = Annotated[list[WorkstationOrder] | None, strawberry.argument(description="The order; by title if not said.")]


@strawberry.type(description="Reads of workstations.")
class WorkstationQueries:
    """Root fields."""

    @requires(Resource.WORKSTATION, Operation.VIEW, description="The workstations that the caller may launch or edit.")
    async def workstations(
        self,
        info: Info,
        where: Where = None,
        order_by: OrderBy = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Workstation] | None:
        """Return one page."""
        rows = policy.readable(info.context.caller).filter(combined(where, _own))
        return await connect(rows, sorts(order_by, Sort("title")), Window(first, after, last, before))

    @requires(Resource.WORKSTATION, Operation.VIEW, description="The workstation with this slug; null if unseen.")
    async def workstation(
        self, info: Info, slug: Annotated[str, strawberry.argument(description="Its unique name in addresses.")]
    ) -> Workstation | None:
        """Return one workstation."""
        possible = len(slug) <= SLUG_LIMIT and slug.isprintable()
        return shown(await policy.readable(info.context.caller).get_or_none(slug=slug)) if possible else None


@strawberry.input(description="A new workstation.")
class WorkstationCreateInput:
    """What workstationCreate takes."""

    title: str = strawberry.field(description="Its title, 1 to 128 characters.")
    description: str = strawberry.field(description="What it is for.", default="")
    is_public: bool = strawberry.field(description="Whether every signed-in user may launch it.", default=False)


@strawberry.input(description="Changes of a workstation; what is not given stays as it is.")
class WorkstationUpdateInput:
    """What workstationUpdate takes."""

    title: str | None = strawberry.field(description="A new title.", default=None)
    description: str | None = strawberry.field(description="A new description.", default=None)
    is_public: bool | None = strawberry.field(description="Whether every signed-in user may launch it.", default=None)


@strawberry.type(description="The answer to a change of a workstation.")
class WorkstationPayload(Payload):
    """A workstation."""

    workstation: Workstation | None = public(description="The workstation as it is now.", default=None)


WorkstationId = Annotated[strawberry.ID, strawberry.argument(description="The workstation.")]
Username = Annotated[str, strawberry.argument(description="The exact user name.")]
Role = Annotated[ObjectRole, strawberry.argument(description="The role on this workstation.")]
OrganizationId = Annotated[strawberry.ID, strawberry.argument(description="The organization, as a group of people.")]
Expected = Annotated[int | None, strawberry.argument(description="Change it only if this is still its version.")]


@strawberry.type(description="Changes of workstations.")
class WorkstationMutations:
    """Root fields."""

    @requires(
        Resource.WORKSTATION,
        Operation.CREATE,
        description="Make a workstation; its maker edits it. Takes `@idempotent`.",
    )
    @reported(WorkstationPayload)
    @replayed(WorkstationPayload, "workstation")
    async def workstation_create(
        self,
        info: Info,
        input: Annotated[WorkstationCreateInput, strawberry.argument(description="The workstation.")],
    ) -> WorkstationPayload | None:
        """Make a workstation."""
        made = await resolve.create(info.context.caller, input.title, input.description, input.is_public)
        return WorkstationPayload(workstation=shown(made))

    @requires(Resource.WORKSTATION, Operation.EDIT, description="Change title, description or publicity.")
    @reported(WorkstationPayload)
    async def workstation_update(
        self,
        info: Info,
        id: WorkstationId,
        input: Annotated[WorkstationUpdateInput, strawberry.argument(description="What to change.")],
        expected_version: Expected = None,
    ) -> WorkstationPayload | None:
        """Change a workstation."""
        given = {"title": input.title, "description": input.description, "is_public": input.is_public}
        changes = {name: value for name, value in given.items() if value is not None}
        key = decode_as("Workstation", id)
        changed = await resolve.update(info.context.caller, key, changes, expected_version)
        return WorkstationPayload(workstation=shown(changed))

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
