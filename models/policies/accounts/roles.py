"""Who sees roles and what users hold, and who changes them."""

from collections.abc import Iterable

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.accounts.roles import Operation, Permission, Resource, Role, RoleHolder, Rule, Scope, UserRule
from models.accounts.users import User
from models.permissions.principal import Principal
from models.permissions.rules import known
from models.policies.accounts import users as accounts_users
from models.policies.delegation import OWN, missing
from models.policies.row_access import Fact, Mine, Of, Only, Reach, Related, held_for, is_held_for
from models.policies.verdicts import Verdict


def _held(principal: Principal, _permission: Permission) -> Q:
    return Q(id__in=Subquery(RoleHolder.filter(user_id=principal.user_id).values("role_id")))


def _at_home(principal: Principal, permission: Permission) -> Q:
    users = User.filter(held_for("home_organization_id", principal, permission))
    return Q(user_id__in=Subquery(users.values("id")))


ROLES = Reach(
    Role,
    Resource.ROLE,
    own=(Only(Operation.VIEW, Related(_held)), Only(Operation.VIEW, Fact("organization_id", None))),
    organization=(Of("organization_id"),),
)
"""The roles of the whole house are seen by all who see roles, and changed by those alone who reach everything."""
HOLDERS = Reach(RoleHolder, Resource.ROLE, own=(Mine("user_id"),), organization=(Related(_at_home),))
USER_RULES = Reach(UserRule, Resource.ROLE, own=(Mine("user_id"),), organization=(Related(_at_home),))


def readable(principal: Principal) -> QuerySet[Role]:
    """Return the roles of the house, those the principal holds, and those of organizations where it sees roles."""
    return ROLES.rows(principal, Operation.VIEW)


def readable_holders(principal: Principal) -> QuerySet[RoleHolder]:
    """Return who holds which role: the principal itself, and users at home where it sees roles."""
    return HOLDERS.rows(principal, Operation.VIEW)


def readable_rules(principal: Principal) -> QuerySet[UserRule]:
    """Return the rules that users hold directly: the principal itself, and users at home where it sees roles."""
    return USER_RULES.rows(principal, Operation.VIEW)


async def can_create(principal: Principal, organization_id: int | None = None, rules: Iterable[Rule] = ()) -> Verdict:
    """Can the principal make a role with these rules, of the organization or, without one, of the whole house?"""
    permission = Permission(Resource.ROLE, Operation.CREATE)
    if not principal.reaches(*permission, Scope.GLOBAL):
        if organization_id is None:
            return "Only an operator makes roles of the whole house; name your organization."
        if not await is_held_for(organization_id, principal, permission):
            return "You may not make roles in this organization."
    return await missing(principal, rules, organization_id) or True


async def can_update(principal: Principal, role: Role, rules: Iterable[Rule] | None = None) -> Verdict:
    """Can the principal change the role, to these rules? It must hold what is added and what is removed."""
    verdict = await _can_change(principal, role, Operation.EDIT)
    changed = frozenset() if rules is None else known(role.rules) ^ frozenset(rules)
    return verdict if verdict is not True else await missing(principal, changed, role.organization_id) or True


async def can_delete(principal: Principal, role: Role) -> Verdict:
    """Can the principal remove the role? It must hold all of it, since it takes it from all who hold it."""
    verdict = await _can_change(principal, role, Operation.DELETE)
    return verdict if verdict is not True else await missing(principal, known(role.rules), role.organization_id) or True


async def _can_change(principal: Principal, role: Role, operation: Operation) -> Verdict:
    if role.is_default:
        return "The default roles are defined in code; make a role of your own."
    if not await ROLES.covers(principal, operation, role):
        return "Only who may edit the roles of its organization changes a role."
    held = await RoleHolder.filter(role_id=role.id, user_id=principal.user_id).exists()
    return OWN if held else True


async def can_give(principal: Principal, user: User, role: Role) -> Verdict:
    """Can the principal let the user hold the role, or take it away?"""
    place = role.organization_id or user.home_organization_id
    return await can_change(principal, user, known(role.rules), place)


async def can_give_rule(principal: Principal, user: User, rule: Rule) -> Verdict:
    """Can the principal let the user hold the rule, or take it away?"""
    return await can_change(principal, user, [rule], user.home_organization_id)


async def can_change(principal: Principal, user: User, rules: Iterable[Rule], place: int | None) -> Verdict:
    """Can the principal give or take these rules, which the user holds in `place`?"""
    verdict = await accounts_users.can_change_rights(principal, user)
    return verdict if verdict is not True else await missing(principal, rules, place) or True
