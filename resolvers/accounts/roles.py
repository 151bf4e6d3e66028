"""Resolvers of roles, and of the roles and rules of users. `rules` parses the rules."""

from core.errors import BadInput
from models.accounts.roles import Role
from models.accounts.users import User
from models.permissions.principal import Actor, Principal
from models.policies.accounts import organizations as organization_policy
from models.policies.accounts import roles as policy
from models.policies.accounts import users as account_policy
from models.policies.authorization import Action
from models.services.accounts import roles
from models.services.accounts.permission_changes import changing
from resolvers.accounts.rules import parse_rules
from resolvers.guards import require, visible
from resolvers.row_reader import RowReader

reader = RowReader(policy.readable)


async def create_role(
    principal: Principal, name: str, description: str, rules: list[str], organization_id: int | None
) -> Role:
    """Create a role with rules that the caller holds."""
    rule_set = parse_rules(rules, "rules")
    async with changing(principal) as caller:
        if organization_id is not None:
            await visible(organization_policy.readable(caller), organization_id)
        await require(caller, Action.ROLE_CREATE, None, organization_id, rule_set)
        actor = Actor.from_principal(caller)
        return await roles.create(name, rule_set, description=description, organization_id=organization_id, actor=actor)


async def update_role(
    principal: Principal,
    key: int,
    name: str | None,
    description: str | None,
    rules: list[str] | None,
    expected_version: int | None = None,
) -> Role:
    """Change a role. The caller must hold every rule that is added or removed, and must not hold the role itself."""
    rule_set = None if rules is None else parse_rules(rules, "rules")
    async with changing(principal) as caller:
        role = await visible(policy.readable(caller), key)
        await require(caller, Action.ROLE_UPDATE, role, rule_set)
        version = role.version if expected_version is None else expected_version
        await roles.update(
            role,
            name=name,
            description=description,
            rules=rule_set,
            version=version,
            actor=Actor.from_principal(caller),
        )
    return role


async def delete_role(principal: Principal, key: int, *, with_holders: bool) -> None:
    """Delete a role."""
    async with changing(principal) as caller:
        role = await visible(policy.readable(caller), key)
        await require(caller, Action.ROLE_DELETE, role)
        await roles.delete(role, with_holders=with_holders, actor=Actor.from_principal(caller))


async def add_role(principal: Principal, user_key: int, role_key: int) -> User:
    """Assign a role to a user."""
    async with changing(principal) as caller:
        user, role = await _user_and_role(caller, user_key, role_key)
        await require(caller, Action.USER_ROLE_ADD, user, role)
        if role.organization_id is not None and not await roles.belongs_to_organization(user, role.organization_id):
            raise BadInput("The user is not a member of the organization of this role.", path=("roleId",))
        await roles.assign(role, user, actor=Actor.from_principal(caller))
    return user


async def remove_role(principal: Principal, user_key: int, role_key: int) -> User:
    """Remove a role from a user."""
    async with changing(principal) as caller:
        user, role = await _user_and_role(caller, user_key, role_key)
        await require(caller, Action.USER_ROLE_REMOVE, user, role)
        await roles.unassign(role, user, actor=Actor.from_principal(caller))
    return user


async def _user_and_role(principal: Principal, user_key: int, role_key: int) -> tuple[User, Role]:
    user = await visible(account_policy.readable(principal), user_key)
    return user, await visible(policy.readable(principal), role_key)


async def add_rule(principal: Principal, user_key: int, text: str) -> User:
    """Grant a rule to a user directly."""
    (rule,) = parse_rules([text], "rule")
    async with changing(principal) as caller:
        user = await visible(account_policy.readable(caller), user_key)
        await require(caller, Action.USER_RULE_ADD, user, rule)
        await roles.assign_rule(rule, user, actor=Actor.from_principal(caller))
    return user


async def remove_rule(principal: Principal, user_key: int, text: str) -> User:
    """Revoke a rule that a user holds directly."""
    (rule,) = parse_rules([text], "rule")
    async with changing(principal) as caller:
        user = await visible(account_policy.readable(caller), user_key)
        await require(caller, Action.USER_RULE_REMOVE, user, rule)
        await roles.unassign_rule(rule, user, actor=Actor.from_principal(caller))
    return user
