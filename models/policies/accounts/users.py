"""Who sees users and tokens, and who may change them."""

from collections.abc import Iterable

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from core.errors import BadInput
from models.accounts.organizations import Membership
from models.accounts.roles import Operation, Permission, Resource, Rule, Scope
from models.accounts.users import Token, TokenKind, User
from models.permissions.principal import Principal, PrincipalKind
from models.policies.delegation import OWN, missing
from models.policies.row_access import Mine, Of, Only, Reach, Related, held_for, is_held_for
from models.policies.verdicts import Verdict

USERNAME_LIMIT = 128


def _members(principal: Principal, permission: Permission) -> Q:
    """Say that the user is a member, even a guest, of an organization for which the permission is held."""
    members = Membership.filter(held_for("organization_id", principal, permission))
    return Q(id__in=Subquery(members.values("user_id")))


USERS = Reach(
    User,
    Resource.USER,
    own=(Mine("id"),),
    organization=(Of("home_organization_id"), Only(Operation.VIEW, Related(_members))),
)
"""Members are seen where they are members, and changed from their home organization alone."""
TOKENS = Reach(Token, Resource.TOKEN, own=(Mine("user_id"),))


def readable(principal: Principal) -> QuerySet[User]:
    """Return the users whom the principal may know of: all, those of shared organizations, or itself."""
    return USERS.rows(principal, Operation.VIEW)


def readable_tokens(principal: Principal) -> QuerySet[Token]:
    """Return the principal's own API tokens, or everybody's for those who may see all."""
    return TOKENS.rows(principal, Operation.VIEW).filter(kind=TokenKind.API)


def can_create_token(principal: Principal) -> Verdict:
    """Can the principal make an API token for itself?"""
    if principal.kind is not PrincipalKind.USER:
        return "Only a person makes tokens; a session's own token cannot make others."
    return principal.may(Resource.TOKEN, Operation.CREATE) or "Your credential may not make tokens."


def can_revoke_token(principal: Principal, token: Token) -> Verdict:
    """Can the principal revoke the token?"""
    return TOKENS.spans(principal, Operation.DELETE, token) or "Only its owner revokes a token."


async def can_register(principal: Principal, organization_id: int | None = None, rules: Iterable[Rule] = ()) -> Verdict:
    """Can the principal make accounts that hold these rules, at home in the organization if one is named?"""
    permission = Permission(Resource.USER, Operation.CREATE)
    if not principal.reaches(*permission, Scope.GLOBAL):
        if organization_id is None:
            return "Only an operator makes accounts without an organization."
        if not await is_held_for(organization_id, principal, permission):
            return "You may not make accounts in this organization."
    return await missing(principal, rules, organization_id) or True


async def can_change_rights(principal: Principal, user: User) -> Verdict:
    """Can the principal give the user roles and rules, or take them? Never its own."""
    if user.id == principal.user_id:
        return OWN
    allowed = await USERS.covers(principal, Operation.EDIT, user)
    return allowed or "Only who may edit users of their organization changes what they hold."


async def named(username: str) -> User:
    """Return the active user with this exact name, so that things can be shared with them; no list is given away."""
    possible = len(username) <= USERNAME_LIMIT and username.isprintable()
    user = await User.get_or_none(username=username, is_active=True) if possible else None
    if user is None:
        raise BadInput(f"There is no user {username[:128]!r}.", path=("username",))
    return user
