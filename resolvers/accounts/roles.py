"""Answer what is asked of roles, rules and verdicts."""

from core.errors import BadInput
from models.accounts.roles import Role, Rule
from models.accounts.users import User
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.policies.accounts import organizations as organization_policy
from models.policies.accounts import roles as policy
from models.policies.accounts import users as account_policy
from models.policies.authorization import ACTS, Action, decide
from models.policies.verdicts import Verdict
from models.services.accounts import roles
from models.services.accounts.permission_changes import changing
from resolvers.guards import require, visible

RULES_LIMIT = 500


def parsed(texts: list[str], path: str) -> frozenset[Rule]:
    """Read rules as clients write them; BadInput names the first that is none."""
    if len(texts) > RULES_LIMIT:
        raise BadInput(f"At most {RULES_LIMIT} rules at once.", path=(path,))
    found = set()
    for text in texts:
        try:
            found.add(Rule.parse(text))
        except ValueError:
            raise BadInput(f"There is no rule {text[:96]!r}; `rules` lists those there are.", path=(path,)) from None
    return frozenset(found)


async def create_role(
    principal: Principal, name: str, description: str, rules: list[str], organization_id: int | None
) -> Role:
    """Make a role out of rules that the caller holds."""
    held = parsed(rules, "rules")
    async with changing(principal) as maker:
        if organization_id is not None:
            await visible(organization_policy.readable(maker), organization_id)
        await require(maker, Action.ROLE_CREATE, None, organization_id, held)
        actor = Actor.of(maker)
        return await roles.create(name, held, description=description, organization_id=organization_id, actor=actor)


async def update_role(
    principal: Principal,
    key: int,
    name: str | None,
    description: str | None,
    rules: list[str] | None,
    expected_version: int | None = None,
) -> Role:
    """Change a role; the caller holds every rule that is added or removed, and not the role itself."""
    wanted = None if rules is None else parsed(rules, "rules")
    async with changing(principal) as editor:
        role = await visible(policy.readable(editor), key)
        await require(editor, Action.ROLE_UPDATE, role, wanted)
        version = role.version if expected_version is None else expected_version
        await roles.update(
            role, name=name, description=description, rules=wanted, version=version, actor=Actor.of(editor)
        )
    return role


async def delete_role(principal: Principal, key: int, *, with_holders: bool) -> None:
    """Remove a role."""
    async with changing(principal) as editor:
        role = await visible(policy.readable(editor), key)
        await require(editor, Action.ROLE_DELETE, role)
        await roles.delete(role, with_holders=with_holders, actor=Actor.of(editor))


async def add_role(principal: Principal, user_key: int, role_key: int) -> User:
    """Let a user hold a role."""
    async with changing(principal) as giver:
        user, role = await _user_and_role(giver, user_key, role_key)
        await require(giver, Action.USER_ROLE_ADD, user, role)
        if role.organization_id is not None and not await roles.belongs(user, role.organization_id):
            raise BadInput("This role is of an organization that the user does not belong to.", path=("roleId",))
        await roles.give(role, user, actor=Actor.of(giver))
    return user


async def remove_role(principal: Principal, user_key: int, role_key: int) -> User:
    """Take a role from a user."""
    async with changing(principal) as taker:
        user, role = await _user_and_role(taker, user_key, role_key)
        await require(taker, Action.USER_ROLE_REMOVE, user, role)
        await roles.take(role, user, actor=Actor.of(taker))
    return user


async def _user_and_role(principal: Principal, user_key: int, role_key: int) -> tuple[User, Role]:
    user = await visible(account_policy.readable(principal), user_key)
    return user, await visible(policy.readable(principal), role_key)


async def add_rule(principal: Principal, user_key: int, text: str) -> User:
    """Let a user hold a rule directly."""
    (rule,) = parsed([text], "rule")
    async with changing(principal) as giver:
        user = await visible(account_policy.readable(giver), user_key)
        await require(giver, Action.USER_RULE_ADD, user, rule)
        await roles.give_rule(rule, user, actor=Actor.of(giver))
    return user


async def remove_rule(principal: Principal, user_key: int, text: str) -> User:
    """Take a rule that a user holds directly."""
    (rule,) = parsed([text], "rule")
    async with changing(principal) as taker:
        user = await visible(account_policy.readable(taker), user_key)
        await require(taker, Action.USER_RULE_REMOVE, user, rule)
        await roles.take_rule(rule, user, actor=Actor.of(taker))
    return user


async def why_not(principal: Principal, action: Action, key: int | None) -> Verdict:
    """Say whether the caller may do this to the object; one that it cannot see is as good as none."""
    rows = ACTS[action].rows
    if rows is None:
        return await decide(principal, action)
    if key is None:
        raise BadInput(f"{action.name} is done to an object; give its id.", path=("id",))
    row = await rows(principal).get_or_none(id=key)
    if row is None:
        return "There is no such object, or you may not see it."
    return await decide(principal, action, row)
