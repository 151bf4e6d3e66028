"""Resolves credentials to principals, for the API and for the proxy."""

import logging
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from tortoise.expressions import Q

from core.clock import now
from core.errors import Unauthenticated
from core.security import tokens
from models.accounts.roles import SCOPE_WIDTH, SESSION, Permission, Rule, Scope
from models.accounts.tokens import Token, TokenKind
from models.accounts.users import User
from models.permissions.principal import Principal, PrincipalKind
from models.permissions.rules import parse_known_rules
from models.services.accounts.effective_permissions import (
    MAX_IDS_PER_QUERY,
    EffectivePermissions,
    load_effective_permissions,
    sql_int_list,
)

log = logging.getLogger(__name__)

LAST_USED_INTERVAL = timedelta(minutes=1)
NO_PERMISSIONS = EffectivePermissions(frozenset(), frozenset(), frozenset())
CredentialKey = tuple[int | None, int]
"""The id of a token, or None without one, and the id of its user."""


class TokenRow(NamedTuple):
    """The columns of a token that determine its principal."""

    id: int
    kind: TokenKind
    user_id: int
    session_id: int | None
    scopes: list[str] | None
    session__datasession_id: int | None = None


async def authenticate(text: str) -> Principal:
    """Return the principal of a token's text. Unauthenticated if it is unknown, revoked or expired."""
    token = await find_live_token(text)
    # An entry cookie is valid on the host of its session only, never for the API.
    if token is None or token.kind is TokenKind.ENTRY:
        raise Unauthenticated("The token is unknown, revoked or expired; sign in, or use another token.")
    return await principal_for_token(token)


async def find_live_token(text: str) -> Token | None:
    """Return the token with this text if it is neither revoked nor expired and its user is active, else None."""
    parsed = tokens.parse(text)
    if parsed is None:
        return None
    key, secret = parsed
    token = await Token.get_or_none(key=key).select_related("user")
    if token is None or not tokens.matches(secret, token.digest):
        return None
    if not token.is_live(now()) or not token.user.is_active:
        return None
    await _record_use(token)
    return token


async def principal_for_token(token: Token) -> Principal:
    """Return the principal of a token."""
    permissions = (await load_effective_permissions([token.user_id])).get(token.user_id, NO_PERMISSIONS)
    return _principal(token.user_id, await _token_row(token), permissions)


async def _token_row(token: Token) -> TokenRow:
    row = TokenRow(token.id, token.kind, token.user_id, token.session_id, token.scopes)
    if token.kind is not TokenKind.SESSION:
        return row
    attached: Any = await Token.filter(id=token.id).values_list("session__datasession_id", flat=True)
    return row._replace(session__datasession_id=next(iter(attached), None))


async def principal_for_user(user: User) -> Principal:
    """Return the principal of a user without a token, for commands, jobs and tests."""
    return _principal(user.id, None, (await load_effective_permissions([user.id])).get(user.id, NO_PERMISSIONS))


async def load_principals(credentials: Collection[CredentialKey]) -> Mapping[CredentialKey, Principal]:
    """Return the current principals of these credentials without the ended ones, in a few queries for all."""
    tokens = await _live_tokens({token_id for token_id, _ in credentials if token_id is not None})
    active = await _active({user_id for token_id, user_id in credentials if token_id is None})
    permissions = await load_effective_permissions(active | {token.user_id for token in tokens.values()})
    return {
        credential: _principal(user_id, tokens.get(token_id or 0), permissions[user_id])
        for credential in credentials
        for token_id, user_id in [credential]
        if (user_id in active if token_id is None else token_id in tokens) and user_id in permissions
    }


async def _live_tokens(keys: set[int]) -> Mapping[int, TokenRow]:
    is_live = Q(revoked_at=None, user__is_active=True) & (Q(expires_at=None) | Q(expires_at__gt=now()))
    found: dict[int, TokenRow] = {}
    for batch in _batches(keys):
        rows: Any = Token.filter(is_live, id__in=sql_int_list(batch)).values_list(*TokenRow._fields)
        found |= {token.id: token for token in map(TokenRow._make, await rows)}
    return found


async def _active(keys: set[int]) -> set[int]:
    found: set[Any] = set()
    for batch in _batches(keys):
        found |= set(await User.filter(id__in=sql_int_list(batch), is_active=True).values_list("id", flat=True))
    return found


def _batches(keys: set[int]) -> Iterator[list[int]]:
    ordered = sorted(keys)
    yield from (ordered[start : start + MAX_IDS_PER_QUERY] for start in range(0, len(ordered), MAX_IDS_PER_QUERY))


def _principal(user_id: int, token: TokenRow | None, permissions: EffectivePermissions) -> Principal:
    kind = PrincipalKind.SESSION if token and token.kind is TokenKind.SESSION else PrincipalKind.USER
    scopes = None if token is None or token.scopes is None else tuple(token.scopes)
    rules, org_rules = _narrow_permissions(permissions, kind, scopes)
    return Principal(
        kind=kind,
        user_id=user_id,
        rules=rules,
        organization_ids=permissions.organization_ids,
        token_id=token.id if token else None,
        session_id=token.session_id if token else None,
        datasession_id=token.session__datasession_id if token else None,
        org_rules=org_rules,
    )


@lru_cache(maxsize=2048)
def _narrow_permissions(
    permissions: EffectivePermissions, kind: PrincipalKind, scopes: tuple[str, ...] | None
) -> tuple[frozenset[Rule], frozenset[tuple[Rule, int]]]:
    rules = narrow_rules(permissions.rules, kind, None if scopes is None else list(scopes))
    return rules, frozenset(_narrow_org_rules(permissions.org_rules, rules))


def narrow_rules(rules: frozenset[Rule], kind: PrincipalKind, scopes: list[str] | None) -> frozenset[Rule]:
    """Narrow a user's rules to a credential: to `SESSION` for a session token, else to the token's scopes."""
    allowed = SESSION if kind is PrincipalKind.SESSION else None
    if allowed is None and scopes is not None:
        allowed = parse_known_rules(scopes)
    if allowed is None:
        return rules
    user = Principal(PrincipalKind.USER, 0, rules)
    return frozenset(rule for rule in allowed if user.has_scope(rule.resource, rule.verb, rule.scope))


def _narrow_org_rules(org_rules: frozenset[tuple[Rule, int]], rules: frozenset[Rule]) -> Iterator[tuple[Rule, int]]:
    # A rule of the credential applies to the same organizations as the user's, with the narrower of both scopes.
    narrowed: dict[Permission, Rule] = {}
    for rule in sorted(rules, key=lambda rule: SCOPE_WIDTH[rule.scope]):
        narrowed[rule.permission] = rule
    for own, organization_id in org_rules:
        rule = narrowed.get(own.permission, own)
        if own.permission in narrowed and rule.scope is not Scope.OWN:
            yield (rule if SCOPE_WIDTH[rule.scope] < SCOPE_WIDTH[own.scope] else own), organization_id


async def _record_use(token: Token) -> None:
    at = now()
    if token.last_used_at is None or at - token.last_used_at > LAST_USED_INTERVAL:
        await Token.filter(id=token.id).update(last_used_at=at)
