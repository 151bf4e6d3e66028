"""From a credential to a principal; the API and the proxy share this."""

import logging
from datetime import timedelta

from core import tokens
from core.clock import now
from core.errors import Unauthenticated
from models.access import DESK, Role, Rule
from models.accounts import Token, TokenKind, User
from models.organizations import Membership
from models.principal import Principal, PrincipalKind

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
    organizations = await Membership.filter(user_id=user_id).values_list("organization_id", flat=True)
    kind = PrincipalKind.DESK if token and token.kind is TokenKind.DESK else PrincipalKind.USER
    return Principal(
        kind=kind,
        user_id=user_id,
        rules=narrowed(await rules_of(user_id), kind, token.scopes if token else None),
        organization_ids=frozenset(int(str(key)) for key in organizations),
        token_id=token.id if token else None,
        session_id=token.session_id if token else None,
    )


async def rules_of(user_id: int) -> frozenset[Rule]:
    """Return the union of the rules of the roles that the user holds."""
    roles = await Role.filter(holders__user_id=user_id)
    return frozenset(Rule.parse(text) for role in roles for text in role.rules)


def narrowed(rules: frozenset[Rule], kind: PrincipalKind, scopes: list[str] | None) -> frozenset[Rule]:
    """Return what is left of a user's rules for a credential: a desk's own few, or a token's scopes."""
    wanted = DESK if kind is PrincipalKind.DESK else None
    if wanted is None and scopes is not None:
        wanted = frozenset(Rule.parse(text) for text in scopes)
    if wanted is None:
        return rules
    holder = Principal(PrincipalKind.USER, 0, rules)
    return frozenset(rule for rule in wanted if holder.reaches(rule.resource, rule.operation, rule.scope))


async def _touch(token: Token) -> None:
    at = now()
    if token.last_used_at is None or at - token.last_used_at > TOUCH:
        await Token.filter(id=token.id).update(last_used_at=at)
