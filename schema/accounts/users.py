"""GraphQL types and root fields of users and the caller."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry
from tortoise.expressions import Q

from core.security.passwords import MINIMUM_LENGTH
from models.accounts import users as table
from models.accounts.roles import PermissionVerb, Resource
from models.permissions.principal import PrincipalKind
from models.policies.accounts import users as policy
from resolvers.accounts import users as resolve
from resolvers.paging.keyset import Sort, Window
from schema.accounts.tokens import Token, TokensOrder, TokensWhere, token_condition
from schema.context import Context, Info, as_graphql
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sort_keys
from schema.graphql.enums import graphql_enum
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.filters import DateTimeFilter, StringFilter, column_conditions, where_condition
from schema.graphql.idempotent_mutations import idempotent_mutation
from schema.graphql.node import Node, decode_as, readers
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

    @requires(Resource.TOKEN, PermissionVerb.VIEW, description="The caller's API tokens, newest first.")
    async def tokens(
        self,
        info: Info,
        where: TokensWhere = None,
        order_by: TokensOrder = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Token] | None:
        """Return one page."""
        rows = policy.readable_tokens(info.context.caller).filter(user_id=info.context.caller.user_id)
        chosen = rows.filter(token_condition(where))
        return await connect(
            chosen, sort_keys(order_by, Sort("id", descending=True)), Window(first, after, last, before)
        )


@readers.register("User")
async def _users(context: Context, pks: Sequence[int]) -> dict[int, table.User]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class UserColumn(StrEnum):
    """Columns that users can be sorted by."""

    USERNAME = "username"
    CREATED_AT = "created_at"


graphql_enum(
    UserColumn,
    "The columns that users can be sorted by.",
    {UserColumn.USERNAME: "The user name.", UserColumn.CREATED_AT: "The creation time of the account."},
)


@strawberry.input(description="A sort key for users.")
class UserOrder:
    """A column and a direction."""

    field: UserColumn = strawberry.field(description="The column to sort by.")
    direction: Direction = strawberry.field(description="The sort direction.", default=Direction.ASC)


@strawberry.input(description="Conditions on users. All must be true.")
class UserWhere:
    """Conditions."""

    username: StringFilter | None = strawberry.field(description="Filter by user name.", default=None)
    display_name: StringFilter | None = strawberry.field(description="Filter by display name.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="Filter by creation time.", default=None)
    and_: list["UserWhere"] | None = strawberry.field(
        name="AND", description="All of these conditions must be true.", default=None
    )
    or_: list["UserWhere"] | None = strawberry.field(
        name="OR", description="At least one of these conditions must be true.", default=None
    )
    not_: "UserWhere | None" = strawberry.field(name="NOT", description="This condition must be false.", default=None)


def _own_condition(where: UserWhere) -> Q:
    return column_conditions(username=where.username, display_name=where.display_name, created_at=where.created_at)


Where = Annotated[UserWhere | None, strawberry.argument(description="Return only the objects that match this filter.")]
OrderBy = Annotated[list[UserOrder] | None, strawberry.argument(description="The sort order. The default is by name.")]


@strawberry.type(description="Queries for accounts.")
class AccountQueries:
    """Root fields."""

    @public(description="The caller. Null if the request is not authenticated.")
    def viewer(self, info: Info) -> Viewer | None:
        """Return the caller."""
        return Viewer() if info.context.principal else None

    @requires(Resource.USER, PermissionVerb.VIEW, description="The users that the caller can see, by name.")
    async def users(
        self,
        info: Info,
        where: Where = None,
        order_by: OrderBy = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[User] | None:
        """Return one page."""
        rows = policy.readable(info.context.caller).filter(where_condition(where, _own_condition))
        return await connect(rows, sort_keys(order_by, Sort("username")), Window(first, after, last, before))


@strawberry.input(description="A new account.")
class UserCreateInput:
    """The input of userCreate."""

    username: str = strawberry.field(
        description="The user name: 3 to 128 letters, digits, dots, dashes and underscores."
    )
    password: str = strawberry.field(description=f"The password, at least {MINIMUM_LENGTH} characters.")
    role: str = strawberry.field(
        description="A default role, for example researcher. The caller must hold all its rules.", default="researcher"
    )
    organization_id: strawberry.ID | None = strawberry.field(
        description="The home organization. Only callers who can create accounts everywhere may omit it.", default=None
    )


@strawberry.type(description="The payload of userCreate.")
class UserCreatePayload(Payload):
    """A user."""

    user: User | None = public(description="The new account.", default=None)


@strawberry.type(description="Mutations of accounts.")
class AccountMutations:
    """Root fields."""

    @requires(
        Resource.USER, PermissionVerb.CREATE, description="Create an account for another user. Accepts `@idempotent`."
    )
    @errors_in_payload(UserCreatePayload)
    @idempotent_mutation(UserCreatePayload, "user")
    async def user_create(
        self,
        info: Info,
        input: Annotated[UserCreateInput, strawberry.argument(description="The account.")],
    ) -> UserCreatePayload | None:
        """Create an account."""
        organization_id = input.organization_id
        key = decode_as("Organization", organization_id, path=("organizationId",)) if organization_id else None
        user = await resolve.create_user(info.context.caller, input.username, input.password, input.role, key)
        return UserCreatePayload(user=as_graphql(user))
