"""GraphQL types and root fields of workstations."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from models.accounts.roles import PermissionVerb, Resource
from models.sessions import workstations as table
from resolvers.paging.keyset import Sort
from resolvers.sessions import workstations as resolve
from schema.accounts.users import User
from schema.context import Info, as_graphql
from schema.graphql.filters import StringFilter, Where, filter_by, where_input
from schema.graphql.list_definition import ListDefinition
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import loaded_by
from schema.graphql.versions import VERSION
from schema.sessions.images import IMAGES, Image
from schema.sessions.workstation_logos import Logo


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
    version: int = public(description=VERSION)
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
