"""Keep the default roles equal to their definition in code; make, change and remove others; give and take roles."""

from tortoise.expressions import F

from core.clock import now
from core.errors import BadInput, Conflict
from core.messaging import outbox
from models.accounts.organizations import Membership
from models.accounts.roles import DEFAULT_ROLES, Resource, Role, RoleHolder, Rule, UserRule, role_key
from models.accounts.users import User
from models.permissions.actor import Actor
from models.services.accounts import history
from models.services.accounts.permission_changes import alone

NAME_LIMIT = 64
DESCRIPTION_LIMIT = 1024


async def sync_default_roles() -> None:
    """Write the default roles as they are defined; called after every migration."""
    for name, (description, rules) in DEFAULT_ROLES.items():
        values = {"name": name, "description": description, "rules": _texts(rules), "is_default": True}
        await Role.update_or_create(values, key=role_key(name, None))


def _texts(rules: frozenset[Rule]) -> list[str]:
    return sorted(map(str, rules))


async def default(name: str) -> Role:
    """Return the default role with this name; BadInput names those there are."""
    role = await Role.get_or_none(key=role_key(name, None), is_default=True)
    if role is None:
        raise BadInput(f"There is no role {name[:64]!r}; there are: {', '.join(DEFAULT_ROLES)}.", path=("role",))
    return role


async def create(
    name: str, rules: frozenset[Rule], *, description: str, organization_id: int | None, actor: Actor
) -> Role:
    """Make a role of an organization, or of the whole house; BadInput when the name is none or taken."""
    key = role_key(_name(name), organization_id)
    async with alone():
        if await Role.filter(key=key).exists():
            raise BadInput("This name is taken.", path=("name",))
        role = await Role.create(
            key=key,
            name=name.strip(),
            description=_description(description),
            rules=_texts(rules),
            organization_id=organization_id,
        )
        await history.record(Resource.ROLE, role.id, "create", actor, detail={"name": role.name, "rules": role.rules})
    return role


def _name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_LIMIT or not name.isprintable():
        raise BadInput(f"A role's name has 1 to {NAME_LIMIT} printable characters.", path=("name",))
    if name.lower() in DEFAULT_ROLES:
        raise BadInput(f"{name} is a default role; take another name.", path=("name",))
    return name


def _description(text: str) -> str:
    if len(text) > DESCRIPTION_LIMIT or "\0" in text:
        raise BadInput(
            f"A description has at most {DESCRIPTION_LIMIT} characters and no zero bytes.", path=("description",)
        )
    return text


async def update(
    role: Role, *, name: str | None, description: str | None, rules: frozenset[Rule] | None, version: int, actor: Actor
) -> None:
    """Change a role for all who hold it; Conflict when somebody changed it since `version`."""
    changes = _changes(role, name, description, rules)
    async with alone():
        if "key" in changes and await Role.filter(key=changes["key"]).exclude(id=role.id).exists():
            raise BadInput("This name is taken.", path=("name",))
        if not await Role.filter(id=role.id, version=version).update(**changes, version=F("version") + 1):
            raise Conflict("The role changed meanwhile; read it again.")
        detail = {**changes, "before": {"name": role.name, "rules": role.rules}}
        await history.record(Resource.ROLE, role.id, "update", actor, detail=detail)
        await _tell_holders(role)
    await role.refresh_from_db()


def _changes(role: Role, name: str | None, description: str | None, rules: frozenset[Rule] | None) -> dict[str, object]:
    changes: dict[str, object] = {}
    if name is not None:
        changes |= {"name": _name(name), "key": role_key(_name(name), role.organization_id)}
    if description is not None:
        changes["description"] = _description(description)
    if rules is not None:
        changes["rules"] = _texts(rules)
    return changes


async def delete(role: Role, *, with_holders: bool, actor: Actor) -> None:
    """Remove a role; Conflict while somebody holds it, unless it is to be taken from them."""
    async with alone():
        holders = await RoleHolder.filter(role_id=role.id).count()
        if holders and not with_holders:
            raise Conflict(f"{holders} users hold this role; take it from them, or say withHolders.")
        detail = {"name": role.name, "rules": role.rules, "holders": holders}
        await history.record(Resource.ROLE, role.id, "delete", actor, detail=detail)
        await _tell_holders(role)
        await Role.filter(id=role.id).delete()


async def _tell_holders(role: Role) -> None:
    """Let the streams of all who hold the role read their rights again."""
    for user_id in await RoleHolder.filter(role_id=role.id).values_list("user_id", flat=True):
        outbox.publish(f"user:{user_id}")


async def give(role: Role, user: User, *, actor: Actor) -> None:
    """Let a user hold a role; harmless when they do."""
    async with alone():
        if not await RoleHolder.filter(user_id=user.id, role_id=role.id).exists():
            await RoleHolder.create(user_id=user.id, role_id=role.id)
            await history.record(Resource.USER, user.id, "add_role", actor, detail={"role": role.name, "id": role.id})
            outbox.publish(f"user:{user.id}")


async def take(role: Role, user: User, *, actor: Actor) -> None:
    """Take a role from a user; harmless when they do not hold it."""
    async with alone():
        if await RoleHolder.filter(user_id=user.id, role_id=role.id).delete():
            detail = {"role": role.name, "id": role.id}
            await history.record(Resource.USER, user.id, "remove_role", actor, detail=detail)
            outbox.publish(f"user:{user.id}")


async def give_rule(rule: Rule, user: User, *, actor: Actor) -> None:
    """Let a user hold one rule directly; harmless when they do."""
    async with alone():
        if not await UserRule.filter(user_id=user.id, rule=str(rule)).exists():
            await UserRule.create(user_id=user.id, rule=str(rule), created_at=now())
            await history.record(Resource.USER, user.id, "add_rule", actor, detail={"rule": str(rule)})
            outbox.publish(f"user:{user.id}")


async def take_rule(rule: Rule, user: User, *, actor: Actor) -> None:
    """Take a rule that a user holds directly; harmless when they do not."""
    async with alone():
        if await UserRule.filter(user_id=user.id, rule=str(rule)).delete():
            await history.record(Resource.USER, user.id, "remove_rule", actor, detail={"rule": str(rule)})
            outbox.publish(f"user:{user.id}")


async def belongs(user: User, organization_id: int) -> bool:
    """Say whether the user is at home in the organization or a member of it."""
    member = Membership.filter(user_id=user.id, organization_id=organization_id)
    return user.home_organization_id == organization_id or await member.exists()
