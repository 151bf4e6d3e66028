"""From a credential to a principal; the API and the proxy share this."""

import logging
from collections.abc import Iterator
from datetime import timedelta

from core import tokens
from core.clock import now
from core.errors import Unauthenticated
from models.access import DESK, WIDTH, Permission, Rule, Scope
from models.accounts import Token, TokenKind, User
from models.organizations import Membership
from models.principal import Principal, PrincipalKind
from models.rules import known
from models.services.holdings import holdings

log = logging.getLogger(__name__)

TOUCH = timedelta(minutes=1)


async def authenticate(text: str) -> Principal:
    """Return the principal of a token's text; Unauthenticated when it is unknown, revoked or expired.

    The cookie by which a session is entered opens that session's host alone, so here it is no credential.
    """
    token = await live_token(text)
    if token is None or token.kind is TokenKind.ENTRY:
        raise Unauthenticated("The token is unknown, revoked or expired.")
    return await principal_of(token)


async def live_token(text: str) -> Token | None:
    """Return the token with this text while it is neither revoked nor expired and its user is active."""
    parsed = tokens.parse(text)
    if parsed is None:
        return None
    key, secret = parsed
    token = await Token.get_or_none(key=key).select_related("user")
    if token is None or not tokens.matches(secret, token.digest):
        return None
    if not token.is_live(now()) or not token.user.is_active:
        return None
    await _touch(token)
    return token


async def principal_of(token: Token) -> Principal:
    """Return the principal that holds this token."""
    return await _principal(token.user_id, token)


async def principal_for(user: User) -> Principal:
    """Return the user as a principal without a token: for the command line and for tests."""
    return await _principal(user.id, None)


async def _principal(user_id: int, token: Token | None) -> Principal:
    members = await Membership.filter(user_id=user_id)
    held = await holdings(user_id, members)
    kind = PrincipalKind.DESK if token and token.kind is TokenKind.DESK else PrincipalKind.USER
    rules = narrowed(held.rules, kind, token.scopes if token else None)
    return Principal(
        kind=kind,
        user_id=user_id,
        rules=rules,
        organization_ids=held.places,
        token_id=token.id if token else None,
        session_id=token.session_id if token else None,
        anchored=frozenset(_fitted(held.anchored, rules)),
    )


def narrowed(rules: frozenset[Rule], kind: PrincipalKind, scopes: list[str] | None) -> frozenset[Rule]:
    """Return what is left of a user's rules for a credential: a desk's own few, or a token's scopes."""
    wanted = DESK if kind is PrincipalKind.DESK else None
    if wanted is None and scopes is not None:
        wanted = known(scopes)
    if wanted is None:
        return rules
    holder = Principal(PrincipalKind.USER, 0, rules)
    return frozenset(rule for rule in wanted if holder.reaches(rule.resource, rule.operation, rule.scope))


def _fitted(anchored: frozenset[tuple[Rule, int]], rules: frozenset[Rule]) -> Iterator[tuple[Rule, int]]:
    """Say where the rules of a credential hold: no wider, and nowhere else, than its user's."""
    left: dict[Permission, Rule] = {}
    for rule in sorted(rules, key=lambda rule: WIDTH[rule.scope]):
        left[rule.permission] = rule
    for held, organization_id in anchored:
        rule = left.get(held.permission, held)
        if held.permission in left and rule.scope is not Scope.OWN:
            yield (rule if WIDTH[rule.scope] < WIDTH[held.scope] else held), organization_id


async def _touch(token: Token) -> None:
    at = now()
    if token.last_used_at is None or at - token.last_used_at > TOUCH:
        await Token.filter(id=token.id).update(last_used_at=at)
