"""Who sees users and tokens, and who may change them."""

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from core.errors import BadInput
from models.access import Operation, Resource, Scope
from models.accounts import Token, TokenKind, User
from models.policies.verdicts import Verdict
from models.principal import Principal, PrincipalKind


def readable(principal: Principal) -> QuerySet[User]:
    """Return the users whom the principal may know of: all, those of shared organizations, or itself."""
    if principal.reaches(Resource.USER, Operation.VIEW, Scope.GLOBAL):
        return User.all()
    own = Q(id=principal.user_id)
    if principal.reaches(Resource.USER, Operation.VIEW, Scope.ORGANIZATION):
        own |= Q(memberships__organization_id__in=sorted(principal.organization_ids))
    return User.filter(own).distinct()


def readable_tokens(principal: Principal) -> QuerySet[Token]:
    """Return the principal's own API tokens, or everybody's for those who may see all."""
    tokens = Token.filter(kind=TokenKind.API)
    if principal.reaches(Resource.TOKEN, Operation.VIEW, Scope.GLOBAL):
        return tokens
    if not principal.may(Resource.TOKEN, Operation.VIEW):
        return tokens.filter(id__in=[])
    return tokens.filter(user_id=principal.user_id)


def can_create_token(principal: Principal) -> Verdict:
    """Can the principal make an API token for itself?"""
    if principal.kind is not PrincipalKind.USER:
        return "Only a person makes tokens; a session's own token cannot make others."
    return principal.may(Resource.TOKEN, Operation.CREATE) or "Your credential may not make tokens."


def can_revoke_token(principal: Principal, token: Token) -> Verdict:
    """Can the principal revoke the token?"""
    if principal.reaches(Resource.TOKEN, Operation.DELETE, Scope.GLOBAL):
        return True
    allowed = principal.may(Resource.TOKEN, Operation.DELETE) and token.user_id == principal.user_id
    return allowed or "Only its owner revokes a token."


def can_register(principal: Principal) -> Verdict:
    """Can the principal make accounts for others?"""
    allowed = principal.reaches(Resource.USER, Operation.CREATE, Scope.GLOBAL)
    return allowed or "Only an operator makes accounts."


async def named(username: str) -> User:
    """Return the active user with this exact name, so that things can be shared with them; no list is given away."""
    user = await User.get_or_none(username=username, is_active=True)
    if user is None:
        raise BadInput(f"There is no user {username[:128]!r}.", path=("username",))
    return user
