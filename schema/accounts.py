"""Users, tokens and the caller as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from models import accounts as table
from models.access import Operation, Resource
from models.policies import accounts as policy
from models.principal import PrincipalKind
from resolvers import accounts as resolve
from resolvers.paging import Sort, Window
from schema.context import Context, Info, shown
from schema.core.connection import After, Before, Connection, First, Last, connect
from schema.core.enums import expose
from schema.core.errors import Payload, reported
from schema.core.ids import Node, decode_as, readers
from schema.core.permissions import public, requires
from schema.relations import by
from schema.replays import replayed

if TYPE_CHECKING:
    from schema.access import Role

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
    roles: list[Annotated["Role", strawberry.lazy("schema.access")]] | None = requires(
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


@strawberry.type(description="An API token; its text is shown once, when it is made.")
class Token(Node):
    """Shows a token."""

    model = table.Token
    name: str = public(description="What its owner calls it.")
    scopes: list[str] | None = public(description="The rules it holds, as `session:view:own`.")
    created_at: datetime = public(description="When it was made.")
    expires_at: datetime | None = public(description="When it ends by itself; null means never.")
    revoked_at: datetime | None = public(description="When it was revoked; null while it is not.")
    last_used_at: datetime | None = public(description="When it was last used, to the minute.")


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
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Token] | None:
        """Return one page."""
        rows = policy.readable_tokens(info.context.caller).filter(user_id=info.context.caller.user_id)
        return await connect(rows, [Sort("id", descending=True)], Window(first, after, last, before))


@readers.register("User")
async def _users(context: Context, pks: Sequence[int]) -> dict[int, table.User]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


@readers.register("Token")
async def _tokens(context: Context, pks: Sequence[int]) -> dict[int, table.Token]:
    return {row.id: row for row in await policy.readable_tokens(context.caller).filter(id__in=list(pks))}


@strawberry.type(description="Reads of accounts.")
class AccountQueries:
    """Root fields."""

    @public(description="The caller; null when nobody is signed in.")
    def viewer(self, info: Info) -> Viewer | None:
        """Return the caller."""
        return Viewer() if info.context.principal else None

    @requires(Resource.USER, Operation.VIEW, description="The users whom the caller may know of, by name.")
    async def users(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[User] | None:
        """Return one page."""
        return await connect(
            policy.readable(info.context.caller), [Sort("username")], Window(first, after, last, before)
        )


@strawberry.input(description="A new API token.")
class TokenCreateInput:
    """What tokenCreate takes."""

    name: str = strawberry.field(description="What you call it, 1 to 128 characters.")
    lifetime_seconds: int | None = strawberry.field(
        description="How long it lives, in seconds; null means until it is revoked.", default=None
    )
    scopes: list[str] | None = strawberry.field(
        description="The rules it is to hold, as `session:view:own`; null means all of the caller's.", default=None
    )


@strawberry.type(description="The answer to tokenCreate.")
class TokenCreatePayload(Payload):
    """A token and its text."""

    token: Token | None = public(description="The new token.", default=None)
    text: str | None = public(description="What to send as `Authorization: Bearer …`; never shown again.", default=None)


@strawberry.type(description="The answer to tokenRevoke.")
class TokenRevokePayload(Payload):
    """A token."""

    token: Token | None = public(description="The revoked token.", default=None)


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


CREATION = "Make an API token of the caller's own. Takes `@idempotent`; the text is in the first answer only."
TokenId = Annotated[strawberry.ID, strawberry.argument(description="The token.")]


@strawberry.type(description="Changes of accounts.")
class AccountMutations:
    """Root fields."""

    @requires(Resource.TOKEN, Operation.CREATE, description=CREATION)
    @reported(TokenCreatePayload)
    @replayed(TokenCreatePayload, "token")
    async def token_create(
        self,
        info: Info,
        input: Annotated[TokenCreateInput, strawberry.argument(description="The token.")],
    ) -> TokenCreatePayload | None:
        """Make a token."""
        token, minted = await resolve.create_token(
            info.context.caller, input.name, input.lifetime_seconds, input.scopes
        )
        return TokenCreatePayload(token=shown(token), text=minted.text)

    @requires(Resource.TOKEN, Operation.DELETE, description="End a token at once.")
    @reported(TokenRevokePayload)
    async def token_revoke(self, info: Info, id: TokenId) -> TokenRevokePayload | None:
        """Revoke a token."""
        token = await resolve.revoke_token(info.context.caller, decode_as("Token", id))
        return TokenRevokePayload(token=shown(token))

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
