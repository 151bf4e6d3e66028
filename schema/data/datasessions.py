"""GraphQL types and root fields of data sessions."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from models.accounts.roles import PermissionVerb, Resource
from models.data import datasessions as table
from resolvers.data import datasession_script as data_datasession_script
from resolvers.data import datasessions as resolve
from resolvers.paging.keyset import Sort
from schema.accounts.organizations import Organization
from schema.accounts.users import User
from schema.context import Info, as_graphql
from schema.data.dataoperations import DATA_OPERATIONS
from schema.execution.query_cost import Cost
from schema.graphql.filters import DateTimeFilter, StringFilter, Where, filter_by, where_input
from schema.graphql.list_definition import ListDefinition
from schema.graphql.node import Node, decode_as, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import loaded_by
from schema.graphql.versions import VERSION


@strawberry.type(description="Files of a project and the operations on them.")
class Datasession(Node):
    """The GraphQL type of a data session."""

    model = table.Datasession
    pk: strawberry.Private[int]
    creator_id: strawberry.Private[int]
    organization_id: strawberry.Private[int | None]
    name: str = public(description="The name.")
    input_data: JSON = public(description="The files: a list of objects with type, source, basename and filter.")
    version: int = public(description=VERSION)
    created_at: datetime = public(description="The creation time.")
    modified_at: datetime = public(description="The time when the name or the files last changed.")
    accessed_at: datetime = public(description="The time of the last access, to the hour.")

    creator: User | None = requires(
        Resource.USER,
        PermissionVerb.VIEW,
        description="The creator. Null if the caller cannot see this user.",
        **loaded_by("creator_id", "users"),
    )
    organization: Organization | None = requires(
        Resource.ORGANIZATION,
        PermissionVerb.VIEW,
        description="The organization that owns it, if any.",
        **loaded_by("organization_id", "organizations"),
    )
    can_edit: bool = public(description="Whether the caller may edit it.", **loaded_by("pk", "editable_datasessions"))

    operations = DATA_OPERATIONS.nested_field(
        Resource.DATA_OPERATION, "datasession_id", description="The operations, oldest first.", default=Sort("id")
    )


readers.register_rows("Datasession", resolve.reader)


@where_input("data sessions")
class DatasessionWhere(Where):
    """Conditions."""

    name: StringFilter | None = filter_by("Filter by name.")
    created_at: DateTimeFilter | None = filter_by("Filter by creation time.")
    modified_at: DateTimeFilter | None = filter_by("Filter by the time of the last change.")


DATASESSIONS = ListDefinition(
    Datasession,
    DatasessionWhere,
    resolve.reader.rows,
    {
        "name": "The name.",
        "created_at": "The creation time.",
        "modified_at": "The time when the name or the files last changed.",
    },
    Sort("modified_at", descending=True),
    plural="data sessions",
    default_text="last changed first",
)
DatasessionId = Annotated[strawberry.ID, strawberry.argument(description="The data session.")]


@strawberry.type(description="Queries for data sessions.")
class DatasessionQueries:
    """Root fields."""

    datasessions = DATASESSIONS.field(Resource.DATASESSION, description="The data sessions that the caller can see.")

    @requires(
        Resource.DATASESSION,
        PermissionVerb.VIEW,
        description="The data session with this ID. Null if the caller cannot see it.",
    )
    async def datasession(self, info: Info, id: DatasessionId) -> Datasession | None:
        """Return one data session and record the access."""
        return as_graphql(await resolve.open_datasession(info.context.caller, decode_as("Datasession", id)))

    @requires(
        Resource.DATA_OPERATION,
        PermissionVerb.VIEW,
        description="A Python script that repeats the operations of the data session with public libraries.",
        directives=[Cost(weight=20)],
    )
    async def datasession_script(self, info: Info, id: DatasessionId) -> str | None:
        """Return the script."""
        return await data_datasession_script.script(
            info.context.app_state, info.context.caller, decode_as("Datasession", id)
        )
