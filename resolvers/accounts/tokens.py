"""Resolvers of API tokens: list, create and revoke."""

from collections.abc import Sequence
from datetime import timedelta

from tortoise.queryset import QuerySet

from core.errors import BadInput
from core.security.tokens import Minted
from models.accounts.roles import Rule
from models.accounts.tokens import Token, TokenKind
from models.permissions.principal import Actor, Principal
from models.policies.accounts import tokens as policy
from models.policies.authorization import Action
from models.services.accounts import tokens
from resolvers.bulk import ItemError, for_each
from resolvers.guards import require, visible
from resolvers.row_reader import RowReader

MAX_TOKEN_NAME_LENGTH = 128
reader = RowReader(policy.readable)


def own_rows(principal: Principal) -> QuerySet[Token]:
    """Return the principal's own tokens, even if it can see others."""
    return policy.readable(principal).filter(user_id=principal.user_id)


async def create(
    principal: Principal, name: str, lifetime_seconds: int | None, scopes: list[str] | None
) -> tuple[Token, Minted]:
    """Create an API token of the caller, with all of the caller's rules or only with `scopes`."""
    await require(principal, Action.TOKEN_CREATE)
    if not name.strip() or len(name) > MAX_TOKEN_NAME_LENGTH or not name.isprintable():
        raise BadInput(f"A token's name has 1 to {MAX_TOKEN_NAME_LENGTH} printable characters.", path=("name",))
    if lifetime_seconds is not None and lifetime_seconds < 1:
        raise BadInput("The lifetime of a token is at least 1 second.", path=("lifetimeSeconds",))
    lifetime = timedelta(seconds=lifetime_seconds) if lifetime_seconds else None
    return await tokens.mint(
        principal.user_id,
        TokenKind.API,
        actor=Actor.from_principal(principal),
        lifetime=lifetime,
        name=name.strip(),
        scopes=_scopes(principal, scopes),
    )


def _scopes(principal: Principal, scopes: list[str] | None) -> list[Rule]:
    if scopes is None:
        return sorted(principal.rules)
    try:
        rules = [Rule.parse(text) for text in scopes]
    except ValueError:
        raise BadInput(
            "A scope has the form resource:operation:scope, for example session:view:own.", path=("scopes",)
        ) from None
    for rule in rules:
        if not principal.has_scope(rule.resource, rule.verb, rule.scope):
            raise BadInput(f"You do not hold {rule}, so your token cannot have it.", path=("scopes",))
    return rules


async def revoke(principal: Principal, key: int) -> Token:
    """Revoke a token."""
    token = await visible(policy.readable(principal), key)
    await require(principal, Action.TOKEN_REVOKE, token)
    await tokens.revoke(token, actor=Actor.from_principal(principal), cause="revoked by request")
    await token.refresh_from_db()
    return token


async def revoke_many(principal: Principal, keys: Sequence[int], *, all_or_none: bool) -> Sequence[ItemError | None]:
    """Revoke many tokens."""
    return await for_each(principal, keys, revoke, all_or_none=all_or_none)
