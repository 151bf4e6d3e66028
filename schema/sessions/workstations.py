"""GraphQL types and root fields of workstations."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from strawberry.scalars import JSON
from tortoise.expressions import Q

from core.bytesize import KIB
from models.accounts.roles import PermissionVerb, Resource
from models.policies.sessions import images as image_policy
from models.policies.sessions import workstations as policy
from models.services.sessions.workstations import MAX_CONFIGURATION_BYTES, MAX_TITLE_LENGTH
from models.sessions import workstations as table
from resolvers.paging.keyset import Sort, Window
from resolvers.sessions import workstations as resolve
from schema.accounts.users import User
from schema.context import Context, Info, as_graphql
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sort_keys
from schema.graphql.enums import graphql_enum
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.filters import StringFilter, all_of, where_condition
from schema.graphql.idempotent_mutations import idempotent_mutation
from schema.graphql.node import Node, decode_as, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import connect_nested, loaded_by
from schema.sessions.images import Image, ImagesOrder, ImagesWhere, image_condition
from schema.sessions.logos import Logo

SLUG_LIMIT = 64


@strawberry.type(description="A viewer, notebook or desktop that can be launched as a session.")
class Workstation(Node):
    """The GraphQL type of a workstation."""

    model = table.Workstation
    pk: strawberry.Private[int]
    creator_id: strawberry.Private[int | None]
    logo_key: strawberry.Private[str | None]
    logo_width: strawberry.Private[int | None]
    logo_height: strawberry.Private[int | None]
    title: str = public(description="The title.")
    slug: str = public(description="The unique name in URLs.")
    description: str = public(description="The purpose.")
    is_public: bool = public(description="Whether every signed-in user may launch the workstation.")
    configuration: JSON = public(
        description="A JSON object that each new container receives in the variable `CARREL_CONFIGURATION`."
    )
    version: int = public(
        description="The version number, which increases with every change. "
        "Pass it as `expectedVersion` to detect concurrent changes."
    )
    created_at: datetime = public(description="The creation time.")
    updated_at: datetime = public(description="The time of the last change.")

    creator: User | None = requires(
        Resource.USER,
        PermissionVerb.VIEW,
        description="The creator. Null if the caller cannot see this user.",
        **loaded_by("creator_id", "users"),
    )
    active_image: Image | None = requires(
        Resource.IMAGE,
        PermissionVerb.VIEW,
        description="The image that new sessions run. Null if there is none.",
        **loaded_by("pk", "active_images"),
    )
    can_edit: bool = public(description="Whether the caller may edit it.", **loaded_by("pk", "editable"))

    @public(description="The logo. Null if there is none.")
    def logo(self) -> Logo | None:
        """Return the logo."""
        key, width, height = self.logo_key, self.logo_width, self.logo_height
        return Logo(key=key, width=width or 0, height=height or 0) if key else None

    @requires(Resource.IMAGE, PermissionVerb.VIEW, description="The images, newest first. Editors see all of them.")
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
        order, window = sort_keys(order_by, Sort("id", descending=True)), Window(first, after, last, before)
        return await connect_nested(info, rows, "workstation_id", self.pk, order, window)


@readers.register("Workstation")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Workstation]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class WorkstationColumn(StrEnum):
    """Columns that workstations can be sorted by."""

    TITLE = "title"
    CREATED_AT = "created_at"


graphql_enum(
    WorkstationColumn,
    "The columns that workstations can be sorted by.",
    {WorkstationColumn.TITLE: "The title.", WorkstationColumn.CREATED_AT: "The creation time."},
)


@strawberry.input(description="A sort key for workstations.")
class WorkstationOrder:
    """A column and a direction."""

    field: WorkstationColumn = strawberry.field(description="The column to sort by.")
    direction: Direction = strawberry.field(description="The sort direction.", default=Direction.ASC)


@strawberry.input(description="Conditions on workstations. All must be true.")
class WorkstationWhere:
    """Conditions."""

    title: StringFilter | None = strawberry.field(description="Filter by title.", default=None)
    slug: StringFilter | None = strawberry.field(description="Filter by slug.", default=None)
    and_: list["WorkstationWhere"] | None = strawberry.field(
        name="AND", description="All of these conditions must be true.", default=None
    )
    or_: list["WorkstationWhere"] | None = strawberry.field(
        name="OR", description="At least one of these conditions must be true.", default=None
    )
    not_: "WorkstationWhere | None" = strawberry.field(
        name="NOT", description="This condition must be false.", default=None
    )


def _own_condition(where: WorkstationWhere) -> Q:
    return all_of(
        where.title.condition("title") if where.title else Q(),
        where.slug.condition("slug") if where.slug else Q(),
    )


Where = Annotated[
    WorkstationWhere | None, strawberry.argument(description="Return only the objects that match this filter.")
]
OrderBy = Annotated[
    list[WorkstationOrder] | None, strawberry.argument(description="The sort order. The default is by title.")
]


@strawberry.type(description="Queries for workstations.")
class WorkstationQueries:
    """Root fields."""

    @requires(
        Resource.WORKSTATION, PermissionVerb.VIEW, description="The workstations that the caller may launch or edit."
    )
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
        rows = policy.readable(info.context.caller).filter(where_condition(where, _own_condition))
        return await connect(rows, sort_keys(order_by, Sort("title")), Window(first, after, last, before))

    @requires(
        Resource.WORKSTATION,
        PermissionVerb.VIEW,
        description="The workstation with this slug. Null if the caller cannot see it.",
    )
    async def workstation(
        self, info: Info, slug: Annotated[str, strawberry.argument(description="The unique name in URLs.")]
    ) -> Workstation | None:
        """Return one workstation."""
        possible = len(slug) <= SLUG_LIMIT and slug.isprintable()
        return as_graphql(await policy.readable(info.context.caller).get_or_none(slug=slug)) if possible else None


@strawberry.input(description="A new workstation.")
class WorkstationCreateInput:
    """The input of workstationCreate."""

    title: str = strawberry.field(description=f"The title, 1 to {MAX_TITLE_LENGTH} characters.")
    description: str = strawberry.field(description="The purpose.", default="")
    is_public: bool = strawberry.field(
        description="Whether every signed-in user may launch the workstation.", default=False
    )


@strawberry.input(description="Changes to a workstation. Omitted fields keep their values.")
class WorkstationUpdateInput:
    """The input of workstationUpdate."""

    title: str | None = strawberry.field(description="The new title.", default=None)
    description: str | None = strawberry.field(description="The new description.", default=None)
    is_public: bool | None = strawberry.field(
        description="Whether every signed-in user may launch the workstation.", default=None
    )
    configuration: JSON | None = strawberry.field(
        description=f"A JSON object of at most {MAX_CONFIGURATION_BYTES // KIB} KiB for containers that start later. "
        f"Pass `{{}}` to clear it.",
        default=None,
    )


@strawberry.type(description="The payload of workstation mutations.")
class WorkstationPayload(Payload):
    """A workstation."""

    workstation: Workstation | None = public(description="The current workstation.", default=None)


WorkstationId = Annotated[strawberry.ID, strawberry.argument(description="The workstation.")]
Expected = Annotated[
    int | None,
    strawberry.argument(
        description="The version that the caller read. The change is refused if the object has changed since."
    ),
]


@strawberry.type(description="Mutations of workstations.")
class WorkstationMutations:
    """Root fields."""

    @requires(
        Resource.WORKSTATION,
        PermissionVerb.CREATE,
        description="Create a workstation. The creator becomes its editor. Accepts `@idempotent`.",
    )
    @errors_in_payload(WorkstationPayload)
    @idempotent_mutation(WorkstationPayload, "workstation")
    async def workstation_create(
        self,
        info: Info,
        input: Annotated[WorkstationCreateInput, strawberry.argument(description="The workstation.")],
    ) -> WorkstationPayload | None:
        """Create a workstation."""
        created = await resolve.create(info.context.caller, input.title, input.description, input.is_public)
        return WorkstationPayload(workstation=as_graphql(created))

    @requires(
        Resource.WORKSTATION,
        PermissionVerb.EDIT,
        description="Change the title, description, visibility or configuration of a workstation.",
    )
    @errors_in_payload(WorkstationPayload)
    async def workstation_update(
        self,
        info: Info,
        id: WorkstationId,
        input: Annotated[WorkstationUpdateInput, strawberry.argument(description="The changes.")],
        expected_version: Expected = None,
    ) -> WorkstationPayload | None:
        """Change a workstation."""
        changes = {name: value for name, value in vars(input).items() if value is not None}
        key = decode_as("Workstation", id)
        changed = await resolve.update(info.context.caller, key, changes, expected_version)
        return WorkstationPayload(workstation=as_graphql(changed))
