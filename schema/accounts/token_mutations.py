"""Mutations that create and revoke API tokens."""

from typing import Annotated

import strawberry

from core.errors import NotFound
from models.accounts.roles import PermissionVerb, Resource
from resolvers.accounts import tokens as resolve
from resolvers.accounts.tokens import MAX_TOKEN_NAME_LENGTH
from resolvers.bulk import ItemError
from schema.accounts.tokens import Token
from schema.context import Info, as_graphql
from schema.execution.query_cost import Cost
from schema.graphql.bulk import MAX_ROWS, ErrorPolicy, Policy, distinct_batch
from schema.graphql.errors import Payload, UserError, errors_in_payload, user_error
from schema.graphql.idempotency import idempotent_mutation
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires


@strawberry.input(description="A new API token.")
class TokenCreateInput:
    """The input of tokenCreate."""

    name: str = strawberry.field(description=f"The name, 1 to {MAX_TOKEN_NAME_LENGTH} characters.")
    lifetime_seconds: int | None = strawberry.field(
        description="The lifetime in seconds. Null means until revocation.", default=None
    )
    scopes: list[str] | None = strawberry.field(
        description="The rules of the token, for example `session:view:own`. Null means all rules of the caller.",
        default=None,
    )


@strawberry.type(description="The payload of tokenCreate.")
class TokenCreatePayload(Payload):
    """A token with its text."""

    token: Token | None = public(description="The new token.", default=None)
    text: str | None = public(
        description="The text to send as `Authorization: Bearer …`. It is shown only once.", default=None
    )


@strawberry.type(description="The payload of tokenRevoke.")
class TokenRevokePayload(Payload):
    """A token."""

    token: Token | None = public(description="The revoked token.", default=None)


@strawberry.type(description="The result of revoking one token.")
class TokenRevokeResult:
    """A token ID with its errors."""

    id: strawberry.ID = public(description="The given ID.")
    errors: list[UserError] = public(description="The errors. Empty if the token was revoked.")


@strawberry.type(description="The payload of tokensRevoke.")
class TokensRevokePayload(Payload):
    """One result for each object."""

    results: list[TokenRevokeResult] = public(
        description="One result for each ID, in the given order, without duplicates.",
        default_factory=list,
        directives=[Cost(size=100)],
    )


CREATION = "Create an API token for the caller. Accepts `@idempotent`; only the first response contains the text."
TokenId = Annotated[strawberry.ID, strawberry.argument(description="The token.")]


TokenIds = Annotated[list[strawberry.ID], strawberry.argument(description=f"The tokens, 1 to {MAX_ROWS}.")]


def _key(text: str) -> int:
    # An invalid ID becomes a key that no token has, so that it gets its own NOT_FOUND result.
    try:
        return decode_as("Token", text, path=("ids",))
    except NotFound:
        return 0


def _result(text: str, fault: ItemError | None) -> TokenRevokeResult:
    return TokenRevokeResult(id=strawberry.ID(text), errors=[user_error(fault)] if fault else [])


@strawberry.type(description="Mutations of tokens.")
class TokenMutations:
    """Root fields."""

    @requires(Resource.TOKEN, PermissionVerb.CREATE, description=CREATION)
    @errors_in_payload(TokenCreatePayload)
    @idempotent_mutation(TokenCreatePayload, "token")
    async def token_create(
        self,
        info: Info,
        input: Annotated[TokenCreateInput, strawberry.argument(description="The token.")],
    ) -> TokenCreatePayload | None:
        """Create a token."""
        token, minted = await resolve.create(info.context.caller, input.name, input.lifetime_seconds, input.scopes)
        return TokenCreatePayload(token=as_graphql(token), text=minted.text)

    @requires(Resource.TOKEN, PermissionVerb.DELETE, description="Revoke a token immediately.")
    @errors_in_payload(TokenRevokePayload)
    async def token_revoke(self, info: Info, id: TokenId) -> TokenRevokePayload | None:
        """Revoke a token."""
        token = await resolve.revoke(info.context.caller, decode_as("Token", id))
        return TokenRevokePayload(token=as_graphql(token))

    @requires(
        Resource.TOKEN,
        PermissionVerb.DELETE,
        description=f"Revoke up to {MAX_ROWS} tokens immediately, with a result for each.",
        directives=[Cost(weight=50)],
    )
    @errors_in_payload(TokensRevokePayload)
    async def tokens_revoke(
        self, info: Info, ids: TokenIds, error_policy: Policy = ErrorPolicy.IGNORE_FAILED
    ) -> TokensRevokePayload | None:
        """Revoke many tokens."""
        distinct = distinct_batch(ids)
        all_or_none = error_policy is ErrorPolicy.REJECT_EVERYTHING
        faults = await resolve.revoke_many(
            info.context.caller, [_key(each) for each in distinct], all_or_none=all_or_none
        )
        return TokensRevokePayload(results=[_result(*each) for each in zip(distinct, faults, strict=True)])
