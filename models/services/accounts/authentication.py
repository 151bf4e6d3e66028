"""From a credential to a principal; the API and the proxy share this."""

import logging
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from tortoise.expressions import Q

from core.clock import now
from core.errors import Unauthenticated
from core.security import tokens
from models.accounts.roles import DESK, WIDTH, Permission, Rule, Scope
from models.accounts.users import Token, TokenKind, User
from models.permissions.principal import Principal, PrincipalKind
from models.permissions.rules import known
from models.services.accounts.effective_permissions import AT_ONCE, Holdings, holdings_of, written

log = logging.getLogger(__name__)

TOUCH = timedelta(minutes=1)
NOTHING = Holdings(frozenset(), frozenset(), frozenset())
Credential = tuple[int | None, int]
"""The id of a token, if there is one, and that of its user."""


class Held(NamedTuple):
    """What a token says of its principal."""

    id: int
    kind: TokenKind
    user_id: int
    session_id: int | None
    scopes: list[str] | None


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
    return _principal(token.user_id, token, (await holdings_of([token.user_id])).get(token.user_id, NOTHING))


async def principal_for(user: User) -> Principal:
    """Return the user as a principal without a token: for the command line and for tests."""
    return _principal(user.id, None, (await holdings_of([user.id])).get(user.id, NOTHING))


async def principals(credentials: Collection[Credential]) -> Mapping[Credential, Principal]:
    """Return what each of these credentials holds now, without those that have ended; in a few statements for all."""
    tokens = await _live_tokens({token_id for token_id, _ in credentials if token_id is not None})
    active = await _active({user_id for token_id, user_id in credentials if token_id is None})
    held = await holdings_of(active | {token.user_id for token in tokens.values()})
    return {
        credential: _principal(user_id, tokens.get(token_id or 0), held[user_id])
        for credential in credentials
        for token_id, user_id in [credential]
        if (user_id in active if token_id is None else token_id in tokens) and user_id in held
    }


async def _live_tokens(keys: set[int]) -> Mapping[int, Held]:
    alive = Q(revoked_at=None, user__is_active=True) & (Q(expires_at=None) | Q(expires_at__gt=now()))
    found: dict[int, Held] = {}
    for some in _portions(keys):
        rows: Any = Token.filter(alive, id__in=written(some)).values_list(*Held._fields)
        found |= {token.id: token for token in map(Held._make, await rows)}
    return found


async def _active(keys: set[int]) -> set[int]:
    found: set[Any] = set()
    for some in _portions(keys):
        found |= set(await User.filter(id__in=written(some), is_active=True).values_list("id", flat=True))
    return found


def _portions(keys: set[int]) -> Iterator[list[int]]:
    ordered = sorted(keys)
    yield from (ordered[start : start + AT_ONCE] for start in range(0, len(ordered), AT_ONCE))


def _principal(user_id: int, token: Token | Held | None, held: Holdings) -> Principal:
    kind = PrincipalKind.DESK if token and token.kind is TokenKind.DESK else PrincipalKind.USER
    scopes = None if token is None or token.scopes is None else tuple(token.scopes)
    rules, anchored = _rights(held, kind, scopes)
    return Principal(
        kind=kind,
        user_id=user_id,
        rules=rules,
        organization_ids=held.places,
        token_id=token.id if token else None,
        session_id=token.session_id if token else None,
        anchored=anchored,
    )


@lru_cache(maxsize=2048)
def _rights(
    held: Holdings, kind: PrincipalKind, scopes: tuple[str, ...] | None
) -> tuple[frozenset[Rule], frozenset[tuple[Rule, int]]]:
    rules = narrowed(held.rules, kind, None if scopes is None else list(scopes))
    return rules, frozenset(_fitted(held.anchored, rules))


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
