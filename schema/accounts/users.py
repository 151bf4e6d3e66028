"""GraphQL types and root fields of users and the caller."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from models.accounts import users as table
from models.accounts.roles import PermissionVerb, Resource
from models.permissions.principal import PrincipalKind
from resolvers.accounts import users as resolve
from resolvers.paging.keyset import Sort
from schema.accounts.tokens import OWN_TOKENS
from schema.context import Info, as_graphql
from schema.graphql.enums import graphql_enum
from schema.graphql.filters import DateTimeFilter, StringFilter, Where, filter_by, where_input
from schema.graphql.list_definition import ListDefinition
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import loaded_by

if TYPE_CHECKING:
    from schema.accounts.roles import Role

graphql_enum(
    PrincipalKind,
    "The kind of caller.",
    {
        PrincipalKind.USER: "A user, or a script with a token of a user.",
        PrincipalKind.SESSION: "The container of a session, with its own token.",
        PrincipalKind.SERVICE: "Carrel itself.",
    },
)


@strawberry.type(description="A user account.")
class User(Node):
    """The GraphQL type of a user."""

    model = table.User
    username: str = public(description="The unique name used to sign in.")
    display_name: str = public(description="The display name. May be empty.")
    pk: strawberry.Private[int]
    created_at: datetime = public(description="The creation time of the account.")
    roles: list[Annotated["Role", strawberry.lazy("schema.accounts.roles")]] | None = requires(
        Resource.ROLE,
        PermissionVerb.VIEW,
        description="The roles of the user, by name, as far as the caller can see them.",
        **loaded_by("pk", "roles_of"),
    )
    rules: list[str] | None = requires(
        Resource.ROLE,
        PermissionVerb.VIEW,
        description="The rules that the user holds directly, for example `session:view:own`.",
        **loaded_by("pk", "rules_of"),
    )


@strawberry.type(description="The caller.")
class Viewer:
    """The GraphQL type of the caller and what it may do."""

    @public(description="The kind of caller.")
    def kind(self, info: Info) -> PrincipalKind:
        """Return the kind."""
        return info.context.caller.kind

    @requires(Resource.USER, PermissionVerb.VIEW, description="The account that the caller acts for.")
    async def user(self, info: Info) -> User | None:
        """Return the user."""
        return as_graphql(await info.context.loaders.users.load(info.context.caller.user_id))

    @requires(Resource.USER, PermissionVerb.VIEW, description="The user name of the account that the caller acts for.")
    async def username(self, info: Info) -> str | None:
        """Return the user's name."""
        user = await info.context.loaders.users.load(info.context.caller.user_id)
        return user.username if user else None

    @public(description="The rules that the caller holds, for example `session:view:own`.")
    def rules(self, info: Info) -> list[str]:
        """Return the rules, sorted."""
        return sorted(map(str, info.context.caller.rules))

    tokens = OWN_TOKENS.field(Resource.TOKEN, description="The caller's API tokens, newest first.")


readers.register_rows("User", resolve.reader)


@where_input("users")
class UserWhere(Where):
    """Conditions."""

    username: StringFilter | None = filter_by("Filter by user name.")
    display_name: StringFilter | None = filter_by("Filter by display name.")
    created_at: DateTimeFilter | None = filter_by("Filter by creation time.")


USERS = ListDefinition(
    User,
    UserWhere,
    resolve.reader.rows,
    {"username": "The user name.", "created_at": "The creation time of the account."},
    Sort("username"),
    plural="users",
    default_text="by name",
)


@strawberry.type(description="Queries for accounts.")
class AccountQueries:
    """Root fields."""

    @public(description="The caller. Null if the request is not authenticated.")
    def viewer(self, info: Info) -> Viewer | None:
        """Return the caller."""
        return Viewer() if info.context.principal else None

    users = USERS.field(Resource.USER, description="The users that the caller can see, by name.")
