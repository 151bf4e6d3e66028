"""Answer what is asked of accounts and tokens."""

from collections.abc import Sequence
from datetime import timedelta

from core.errors import BadInput
from core.security.tokens import Minted
from models.accounts.roles import Rule
from models.accounts.users import Token, TokenKind, User
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.permissions.rules import known as known_rules
from models.policies.accounts import organizations as organization_policy
from models.policies.accounts import users as policy
from models.policies.authorization import Action
from models.services.accounts import roles, users
from models.services.accounts.permission_changes import changing
from resolvers.bulk import Fault, for_each
from resolvers.guards import require, visible


async def create_token(
    principal: Principal, name: str, lifetime_seconds: int | None, scopes: list[str] | None
) -> tuple[Token, Minted]:
    """Make an API token of the caller, with all of its rules or only with some of them."""
    await require(principal, Action.TOKEN_CREATE)
    if not name.strip() or len(name) > 128 or not name.isprintable():
        raise BadInput("A token's name has 1 to 128 printable characters.", path=("name",))
    if lifetime_seconds is not None and lifetime_seconds < 1:
        raise BadInput("A token lives for at least one second.", path=("lifetimeSeconds",))
    lifetime = timedelta(seconds=lifetime_seconds) if lifetime_seconds else None
    return await users.mint_token(
        principal.user_id,
        TokenKind.API,
        actor=Actor.of(principal),
        lifetime=lifetime,
        name=name.strip(),
        scopes=_scopes(principal, scopes),
    )


def _scopes(principal: Principal, scopes: list[str] | None) -> list[Rule]:
    """Return the rules of a new token, none wider than the caller's credential."""
    if scopes is None:
        return sorted(principal.rules)
    try:
        rules = [Rule.parse(text) for text in scopes]
    except ValueError:
        raise BadInput("A scope is written resource:operation:scope, as session:view:own.", path=("scopes",)) from None
    for rule in rules:
        if not principal.reaches(rule.resource, rule.operation, rule.scope):
            raise BadInput(f"You do not hold {rule}, so a token of yours cannot.", path=("scopes",))
    return rules


async def revoke_token(principal: Principal, key: int) -> Token:
    """End a token at once."""
    token = await visible(policy.readable_tokens(principal), key)
    await require(principal, Action.TOKEN_REVOKE, token)
    await users.revoke(token, actor=Actor.of(principal), cause="revoked by request")
    await token.refresh_from_db()
    return token


async def revoke_tokens(principal: Principal, keys: Sequence[int], *, all_or_none: bool) -> Sequence[Fault | None]:
    """End many tokens at once."""
    return await for_each(principal, keys, revoke_token, all_or_none=all_or_none)


async def create_user(
    principal: Principal, username: str, password: str, role: str, organization_id: int | None
) -> User:
    """Make an account for somebody, with a default role of which the caller holds every rule."""
    await require(principal, Action.USER_CREATE, None, organization_id)
    hashed = await users.hashed_password(username, password)
    async with changing(principal) as giver:
        held = known_rules((await roles.default(role)).rules)
        await require(giver, Action.USER_CREATE, None, organization_id, held)
        if organization_id is not None:
            await visible(organization_policy.readable(giver), organization_id)
        return await users.enroll(
            username, hashed, actor=Actor.of(giver), role=role, home_organization_id=organization_id
        )
