"""API tokens as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from tortoise.expressions import Q

from core.errors import NotFound
from models.accounts import users as table
from models.accounts.roles import Operation, Resource
from models.policies.accounts import users as policy
from resolvers.accounts import users as resolve
from resolvers.bulk import Fault
from schema.context import Context, Info, shown
from schema.execution.query_cost import Cost
from schema.graphql.bulk import ErrorPolicy, Policy, bounded
from schema.graphql.connection import Direction
from schema.graphql.enums import expose
from schema.graphql.errors import Payload, UserError, reported, user_error
from schema.graphql.filters import DateTimeFilter, StringFilter, combined, given
from schema.graphql.idempotent_mutations import replayed
from schema.graphql.node import Node, decode_as, readers
from schema.graphql.permissions import public, requires


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


@readers.register("Token")
async def _tokens(context: Context, pks: Sequence[int]) -> dict[int, table.Token]:
    return {row.id: row for row in await policy.readable_tokens(context.caller).filter(id__in=list(pks))}


class TokenColumn(StrEnum):
    """Columns that tokens can be sorted by."""

    NAME = "name"
    CREATED_AT = "created_at"
    EXPIRES_AT = "expires_at"


expose(
    TokenColumn,
    "What tokens can be sorted by.",
    {
        TokenColumn.NAME: "What its owner calls it.",
        TokenColumn.CREATED_AT: "When it was made.",
        TokenColumn.EXPIRES_AT: "When it ends by itself.",
    },
)


@strawberry.input(description="One sort key of tokens.")
class TokenOrder:
    """A column and a direction."""

    field: TokenColumn = strawberry.field(description="The column.")
    direction: Direction = strawberry.field(description="Its direction.", default=Direction.DESC)


@strawberry.input(description="Conditions on tokens; all must hold.")
class TokenWhere:
    """Conditions."""

    name: StringFilter | None = strawberry.field(description="On what its owner calls it.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="On when it was made.", default=None)
    expires_at: DateTimeFilter | None = strawberry.field(description="On when it ends by itself.", default=None)
    last_used_at: DateTimeFilter | None = strawberry.field(description="On when it was last used.", default=None)
    and_: list["TokenWhere"] | None = strawberry.field(name="AND", description="All of these as well.", default=None)
    or_: list["TokenWhere"] | None = strawberry.field(name="OR", description="At least one of these.", default=None)
    not_: "TokenWhere | None" = strawberry.field(name="NOT", description="And not this.", default=None)


def _own(where: TokenWhere) -> Q:
    return given(
        name=where.name, created_at=where.created_at, expires_at=where.expires_at, last_used_at=where.last_used_at
    )


def token_condition(where: TokenWhere | None) -> Q:
    """Return the whole condition of `where`."""
    return combined(where, _own)


TokensWhere = Annotated[TokenWhere | None, strawberry.argument(description="Only those for which all of this holds.")]
TokensOrder = Annotated[
    list[TokenOrder] | None, strawberry.argument(description="The order; newest first if not said.")
]


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


@strawberry.type(description="What became of one of the tokens that were to be revoked.")
class TokenRevokeResult:
    """An id, or why not."""

    id: strawberry.ID = public(description="The id that was given.")
    errors: list[UserError] = public(description="Why it was not revoked; empty when it was.")


@strawberry.type(description="The answer to tokensRevoke.")
class TokensRevokePayload(Payload):
    """A result for each."""

    results: list[TokenRevokeResult] = public(
        description="One for each id, in their order, each id once.", default_factory=list, directives=[Cost(size=100)]
    )


CREATION = "Make an API token of the caller's own. Takes `@idempotent`; the text is in the first answer only."
TokenId = Annotated[strawberry.ID, strawberry.argument(description="The token.")]


TokenIds = Annotated[list[strawberry.ID], strawberry.argument(description="The tokens, 1 to 100.")]


def _key(text: str) -> int:
    """Return the key of an id; of one that is no token's a key that no token has."""
    try:
        return decode_as("Token", text, path=("ids",))
    except NotFound:
        return 0


def _result(text: str, fault: Fault | None) -> TokenRevokeResult:
    return TokenRevokeResult(id=strawberry.ID(text), errors=[user_error(fault)] if fault else [])


@strawberry.type(description="Changes of tokens.")
class TokenMutations:
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

    @requires(
        Resource.TOKEN,
        Operation.DELETE,
        description="End up to 100 tokens at once, with a result for each.",
        directives=[Cost(weight=50)],
    )
    @reported(TokensRevokePayload)
    async def tokens_revoke(
        self, info: Info, ids: TokenIds, error_policy: Policy = ErrorPolicy.IGNORE_FAILED
    ) -> TokensRevokePayload | None:
        """Revoke many tokens."""
        once = bounded(ids)
        rejects = error_policy is ErrorPolicy.REJECT_EVERYTHING
        faults = await resolve.revoke_tokens(info.context.caller, [_key(each) for each in once], all_or_none=rejects)
        return TokensRevokePayload(results=[_result(*each) for each in zip(once, faults, strict=True)])
