"""Users and the caller as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry
from tortoise.expressions import Q

from models.accounts import users as table
from models.accounts.roles import Operation, Resource
from models.permissions.principal import PrincipalKind
from models.policies.accounts import users as policy
from resolvers.accounts import users as resolve
from resolvers.paging.keyset import Sort, Window
from schema.accounts.tokens import Token, TokensOrder, TokensWhere, token_condition
from schema.context import Context, Info, shown
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sorts
from schema.graphql.enums import expose
from schema.graphql.errors import Payload, reported
from schema.graphql.filters import DateTimeFilter, StringFilter, combined, given
from schema.graphql.idempotent_mutations import replayed
from schema.graphql.node import Node, decode_as, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import by

if TYPE_CHECKING:
    from schema.accounts.roles import Role

expose(
    PrincipalKind,
    "What sort of caller it is.",
    {
        PrincipalKind.USER: "A person, or a script with a person's token.",
        PrincipalKind.DESK: "The container of a session, with a token of its own.",
        PrincipalKind.SERVICE: "Carrel itself.",
    },
)


@strawberry.type(description="A person with an account.")
class User(Node):
    """Shows a user."""

    model = table.User
    username: str = public(description="The unique name they sign in with.")
    display_name: str = public(description="How they want to be called; may be empty.")
    pk: strawberry.Private[int]
    created_at: datetime = public(description="When the account was made.")
    roles: list[Annotated["Role", strawberry.lazy("schema.accounts.roles")]] | None = requires(
        Resource.ROLE,
        Operation.VIEW,
        description="The roles they hold, by name; those that the caller may see.",
        **by("pk", "roles_of"),
    )
    rules: list[str] | None = requires(
        Resource.ROLE,
        Operation.VIEW,
        description="The rules they hold directly, as `session:view:own`.",
        **by("pk", "rules_of"),
    )


@strawberry.type(description="The caller.")
class Viewer:
    """Shows the caller and what it may do."""

    @public(description="What sort of caller it is.")
    def kind(self, info: Info) -> PrincipalKind:
        """Return the kind."""
        return info.context.caller.kind

    @requires(Resource.USER, Operation.VIEW, description="The account that the caller acts for.")
    async def user(self, info: Info) -> User | None:
        """Return the user."""
        return shown(await info.context.loaders.users.load(info.context.caller.user_id))

    @requires(Resource.USER, Operation.VIEW, description="The name of the account that the caller acts for.")
    async def username(self, info: Info) -> str | None:
        """Return the user's name."""
        user = await info.context.loaders.users.load(info.context.caller.user_id)
        return user.username if user else None

    @public(description="The rules that the caller holds, as `session:view:own`.")
    def rules(self, info: Info) -> list[str]:
        """Return the rules, sorted."""
        return sorted(map(str, info.context.caller.rules))

    @requires(Resource.TOKEN, Operation.VIEW, description="The caller's API tokens, newest first.")
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
        return await connect(chosen, sorts(order_by, Sort("id", descending=True)), Window(first, after, last, before))


@readers.register("User")
async def _users(context: Context, pks: Sequence[int]) -> dict[int, table.User]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class UserColumn(StrEnum):
    """Columns that users can be sorted by."""

    USERNAME = "username"
    CREATED_AT = "created_at"


expose(
    UserColumn,
    "What users can be sorted by.",
    {UserColumn.USERNAME: "The name they sign in with.", UserColumn.CREATED_AT: "When the account was made."},
)


@strawberry.input(description="One sort key of users.")
class UserOrder:
    """A column and a direction."""

    field: UserColumn = strawberry.field(description="The column.")
    direction: Direction = strawberry.field(description="Its direction.", default=Direction.ASC)


@strawberry.input(description="Conditions on users; all must hold.")
class UserWhere:
    """Conditions."""

    username: StringFilter | None = strawberry.field(description="On the name they sign in with.", default=None)
    display_name: StringFilter | None = strawberry.field(description="On how they want to be called.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="On when the account was made.", default=None)
    and_: list["UserWhere"] | None = strawberry.field(name="AND", description="All of these as well.", default=None)
    or_: list["UserWhere"] | None = strawberry.field(name="OR", description="At least one of these.", default=None)
    not_: "UserWhere | None" = strawberry.field(name="NOT", description="And not this.", default=None)


def _own(where: UserWhere) -> Q:
    return given(username=where.username, display_name=where.display_name, created_at=where.created_at)


Where = Annotated[UserWhere | None, strawberry.argument(description="Only those for which all of this holds.")]
OrderBy = Annotated[list[UserOrder] | None, strawberry.argument(description="The order; by name if not said.")]


@strawberry.type(description="Reads of accounts.")
class AccountQueries:
    """Root fields."""

    @public(description="The caller; null when nobody is signed in.")
    def viewer(self, info: Info) -> Viewer | None:
        """Return the caller."""
        return Viewer() if info.context.principal else None

    @requires(Resource.USER, Operation.VIEW, description="The users whom the caller may know of, by name.")
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
        rows = policy.readable(info.context.caller).filter(combined(where, _own))
        return await connect(rows, sorts(order_by, Sort("username")), Window(first, after, last, before))


@strawberry.input(description="A new account.")
class UserCreateInput:
    """What userCreate takes."""

    username: str = strawberry.field(description="3 to 128 letters, digits, dots, dashes, underscores.")
    password: str = strawberry.field(description="At least 10 characters.")
    role: str = strawberry.field(
        description="A default role of which the caller holds every rule, such as researcher.", default="researcher"
    )
    organization_id: strawberry.ID | None = strawberry.field(
        description="Where they are at home; only who makes accounts everywhere may leave it out.", default=None
    )


@strawberry.type(description="The answer to userCreate.")
class UserCreatePayload(Payload):
    """A user."""

    user: User | None = public(description="The new account.", default=None)


@strawberry.type(description="Changes of accounts.")
class AccountMutations:
    """Root fields."""

    @requires(Resource.USER, Operation.CREATE, description="Make an account for somebody. Takes `@idempotent`.")
    @reported(UserCreatePayload)
    @replayed(UserCreatePayload, "user")
    async def user_create(
        self,
        info: Info,
        input: Annotated[UserCreateInput, strawberry.argument(description="The account.")],
    ) -> UserCreatePayload | None:
        """Make an account."""
        home = input.organization_id
        key = decode_as("Organization", home, path=("organizationId",)) if home else None
        user = await resolve.create_user(info.context.caller, input.username, input.password, input.role, key)
        return UserCreatePayload(user=shown(user))
