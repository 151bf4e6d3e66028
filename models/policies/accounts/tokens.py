"""Policies of API tokens."""

from tortoise.queryset import QuerySet

from models.accounts.roles import PermissionVerb, Resource
from models.accounts.tokens import Token, TokenKind
from models.permissions.principal import Principal, PrincipalKind
from models.policies import PolicyDecision
from models.policies.row_access import OwnedBy, RowAccess

TOKENS = RowAccess(Token, Resource.TOKEN, own=(OwnedBy("user_id"),))


def readable(principal: Principal) -> QuerySet[Token]:
    """Return the principal's own API tokens, or all of them if its rule is global."""
    return TOKENS.rows(principal, PermissionVerb.VIEW).filter(kind=TokenKind.API)


def can_create(principal: Principal) -> PolicyDecision:
    """Return whether the principal can create API tokens for itself."""
    if principal.kind is not PrincipalKind.USER:
        return "Only a user can create tokens; a session's own token cannot."
    return (
        principal.has_permission(Resource.TOKEN, PermissionVerb.CREATE)
        or "Your credential does not allow creating tokens."
    )


def can_revoke(principal: Principal, token: Token) -> PolicyDecision:
    """Return whether the principal can revoke the token."""
    return TOKENS.allows_without_query(principal, PermissionVerb.DELETE, token) or "Only its owner can revoke a token."
