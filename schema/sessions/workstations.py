"""Workstations as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from strawberry.scalars import JSON
from tortoise.expressions import Q

from models.accounts.roles import Operation, Resource
from models.policies.sessions import images as image_policy
from models.policies.sessions import workstations as policy
from models.sessions import workstations as table
from resolvers.paging.keyset import Sort, Window
from resolvers.sessions import workstations as resolve
from schema.accounts.users import User
from schema.context import Context, Info, shown
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sorts
from schema.graphql.enums import expose
from schema.graphql.errors import Payload, reported
from schema.graphql.filters import StringFilter, combined, every
from schema.graphql.idempotent_mutations import replayed
from schema.graphql.node import Node, decode_as, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import by, connect_within
from schema.sessions.images import Image, ImagesOrder, ImagesWhere, image_condition
from schema.sessions.logos import Logo

SLUG_LIMIT = 64


@strawberry.type(description="A viewer, notebook or desktop that can be launched as a session.")
class Workstation(Node):
    """Shows a workstation."""

    model = table.Workstation
    pk: strawberry.Private[int]
    creator_id: strawberry.Private[int | None]
    logo_key: strawberry.Private[str | None]
    logo_width: strawberry.Private[int | None]
    logo_height: strawberry.Private[int | None]
    title: str = public(description="Its title.")
    slug: str = public(description="Its unique name in addresses.")
    description: str = public(description="What it is for.")
    is_public: bool = public(description="Whether every signed-in user may launch it.")
    configuration: JSON = public(
        description="What its containers are told: a JSON object, given to each as `CARREL_CONFIGURATION` at its start."
    )
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

    @public(description="The picture that stands for it; null when it has none.")
    def logo(self) -> Logo | None:
        """Return the logo."""
        key, width, height = self.logo_key, self.logo_width, self.logo_height
        return Logo(key=key, width=width or 0, height=height or 0) if key else None

    @requires(Resource.IMAGE, Operation.VIEW, description="Its images, newest first: all for editors.")
    async def images(
        self,
        info: Info,
        where: ImagesWhere = None,
        order_by: ImagesOrder = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Image] | None:
        """Return one page."""
        rows = image_policy.readable(info.context.caller).filter(image_condition(where))
        order, window = sorts(order_by, Sort("id", descending=True)), Window(first, after, last, before)
        return await connect_within(info, rows, "workstation_id", self.pk, order, window)


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
    configuration: JSON | None = strawberry.field(
        description="A JSON object of at most 32 KiB, for containers that start later; `{}` for none.", default=None
    )


@strawberry.type(description="The answer to a change of a workstation.")
class WorkstationPayload(Payload):
    """A workstation."""

    workstation: Workstation | None = public(description="The workstation as it is now.", default=None)


WorkstationId = Annotated[strawberry.ID, strawberry.argument(description="The workstation.")]
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

    @requires(
        Resource.WORKSTATION, Operation.EDIT, description="Change title, description, publicity or configuration."
    )
    @reported(WorkstationPayload)
    async def workstation_update(
        self,
        info: Info,
        id: WorkstationId,
        input: Annotated[WorkstationUpdateInput, strawberry.argument(description="What to change.")],
        expected_version: Expected = None,
    ) -> WorkstationPayload | None:
        """Change a workstation."""
        changes = {name: value for name, value in vars(input).items() if value is not None}
        key = decode_as("Workstation", id)
        changed = await resolve.update(info.context.caller, key, changes, expected_version)
        return WorkstationPayload(workstation=shown(changed))
