"""GraphQL types and root fields of workstations."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from core.bytesize import KIB
from models.accounts.roles import PermissionVerb, Resource
from models.services.sessions.workstations import MAX_CONFIGURATION_BYTES, MAX_TITLE_LENGTH
from models.sessions import workstations as table
from resolvers.paging.keyset import Sort
from resolvers.sessions import workstations as resolve
from schema.accounts.users import User
from schema.context import Info, as_graphql
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.filters import StringFilter, Where, filter_by, where_input
from schema.graphql.idempotent_mutations import idempotent_mutation
from schema.graphql.list_definition import ListDefinition
from schema.graphql.node import Node, decode_as, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import loaded_by
from schema.sessions.images import IMAGES, Image
from schema.sessions.logos import Logo


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

    images = IMAGES.nested_field(
        Resource.IMAGE, "workstation_id", description="The images, newest first. Editors see all of them."
    )


readers.register_rows("Workstation", resolve.reader)


@where_input("workstations")
class WorkstationWhere(Where):
    """Conditions."""

    title: StringFilter | None = filter_by("Filter by title.")
    slug: StringFilter | None = filter_by("Filter by slug.")


WORKSTATIONS = ListDefinition(
    Workstation,
    WorkstationWhere,
    resolve.reader.rows,
    {"title": "The title.", "created_at": "The creation time."},
    Sort("title"),
    plural="workstations",
    default_text="by title",
)


@strawberry.type(description="Queries for workstations.")
class WorkstationQueries:
    """Root fields."""

    workstations = WORKSTATIONS.field(
        Resource.WORKSTATION, description="The workstations that the caller may launch or edit."
    )

    @requires(
        Resource.WORKSTATION,
        PermissionVerb.VIEW,
        description="The workstation with this slug. Null if the caller cannot see it.",
    )
    async def workstation(
        self, info: Info, slug: Annotated[str, strawberry.argument(description="The unique name in URLs.")]
    ) -> Workstation | None:
        """Return one workstation."""
        return as_graphql(await resolve.find_by_slug(info.context.caller, slug))


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
