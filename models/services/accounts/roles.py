"""Syncs the default roles, changes the others, and assigns roles and rules to users."""

from tortoise.expressions import F

from core.clock import now
from core.errors import BadInput, Conflict
from core.messaging import outbox
from models.accounts.organizations import Membership
from models.accounts.roles import DEFAULT_ROLES, Resource, Role, RoleHolder, Rule, UserRule, role_key
from models.accounts.users import User
from models.permissions.principal import Actor
from models.services.accounts import history
from models.services.accounts.permission_changes import serialized

NAME_LIMIT = 64
DESCRIPTION_LIMIT = 1024


async def sync_default_roles() -> None:
    """Write the default roles as defined in code. Called after every migration."""
    for name, (description, rules) in DEFAULT_ROLES.items():
        values = {"name": name, "description": description, "rules": _as_texts(rules), "is_default": True}
        await Role.update_or_create(values, key=role_key(name, None))


def _as_texts(rules: frozenset[Rule]) -> list[str]:
    return sorted(map(str, rules))


async def get_default(name: str) -> Role:
    """Return the default role with this name, or raise BadInput with the valid names."""
    role = await Role.get_or_none(key=role_key(name, None), is_default=True)
    if role is None:
        raise BadInput(f"There is no role {name[:64]!r}; there are: {', '.join(DEFAULT_ROLES)}.", path=("role",))
    return role


async def create(
    name: str, rules: frozenset[Rule], *, description: str, organization_id: int | None, actor: Actor
) -> Role:
    """Create a role of an organization, or a global one. BadInput if the name is invalid or taken."""
    key = role_key(_name(name), organization_id)
    async with serialized():
        if await Role.filter(key=key).exists():
            raise BadInput("This name is taken; choose another one.", path=("name",))
        role = await Role.create(
            key=key,
            name=name.strip(),
            description=_description(description),
            rules=_as_texts(rules),
            organization_id=organization_id,
        )
        await history.record(Resource.ROLE, role.id, "create", actor, detail={"name": role.name, "rules": role.rules})
    return role


def _name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_LIMIT or not name.isprintable():
        raise BadInput(f"A role's name must have 1 to {NAME_LIMIT} printable characters.", path=("name",))
    if name.lower() in DEFAULT_ROLES:
        raise BadInput(f"{name} is a default role; choose another name.", path=("name",))
    return name


def _description(text: str) -> str:
    if len(text) > DESCRIPTION_LIMIT or "\0" in text:
        raise BadInput(
            f"A description can have at most {DESCRIPTION_LIMIT} characters and no zero bytes.", path=("description",)
        )
    return text


async def update(
    role: Role, *, name: str | None, description: str | None, rules: frozenset[Rule] | None, version: int, actor: Actor
) -> None:
    """Change a role for all its holders. Conflict if it was changed since `version`."""
    changes = _changes(role, name, description, rules)
    async with serialized():
        if "key" in changes and await Role.filter(key=changes["key"]).exclude(id=role.id).exists():
            raise BadInput("This name is taken; choose another one.", path=("name",))
        if not await Role.filter(id=role.id, version=version).update(**changes, version=F("version") + 1):
            raise Conflict("The role was changed by another user; read it again.")
        detail = {**changes, "before": {"name": role.name, "rules": role.rules}}
        await history.record(Resource.ROLE, role.id, "update", actor, detail=detail)
        await _publish_to_holders(role)
    await role.refresh_from_db()


def _changes(role: Role, name: str | None, description: str | None, rules: frozenset[Rule] | None) -> dict[str, object]:
    changes: dict[str, object] = {}
    if name is not None:
        changes |= {"name": _name(name), "key": role_key(_name(name), role.organization_id)}
    if description is not None:
        changes["description"] = _description(description)
    if rules is not None:
        changes["rules"] = _as_texts(rules)
    return changes


async def delete(role: Role, *, with_holders: bool, actor: Actor) -> None:
    """Delete a role. Conflict if it has holders, unless `with_holders` is set."""
    async with serialized():
        holders = await RoleHolder.filter(role_id=role.id).count()
        if holders and not with_holders:
            raise Conflict(f"{holders} users have this role; remove it from them, or set withHolders.")
        detail = {"name": role.name, "rules": role.rules, "holders": holders}
        await history.record(Resource.ROLE, role.id, "delete", actor, detail=detail)
        await _publish_to_holders(role)
        await Role.filter(id=role.id).delete()


async def _publish_to_holders(role: Role) -> None:
    # Streams and caches of these users then read their permissions again.
    for user_id in await RoleHolder.filter(role_id=role.id).values_list("user_id", flat=True):
        outbox.publish(f"user:{user_id}")


async def assign(role: Role, user: User, *, actor: Actor) -> None:
    """Assign a role to a user. Does nothing if it is assigned."""
    async with serialized():
        if not await RoleHolder.filter(user_id=user.id, role_id=role.id).exists():
            await RoleHolder.create(user_id=user.id, role_id=role.id)
            await history.record(Resource.USER, user.id, "add_role", actor, detail={"role": role.name, "id": role.id})
            outbox.publish(f"user:{user.id}")


async def unassign(role: Role, user: User, *, actor: Actor) -> None:
    """Remove a role from a user. Does nothing if it is not assigned."""
    async with serialized():
        if await RoleHolder.filter(user_id=user.id, role_id=role.id).delete():
            detail = {"role": role.name, "id": role.id}
            await history.record(Resource.USER, user.id, "remove_role", actor, detail=detail)
            outbox.publish(f"user:{user.id}")


async def assign_rule(rule: Rule, user: User, *, actor: Actor) -> None:
    """Assign a rule to a user directly. Does nothing if it is assigned."""
    async with serialized():
        if not await UserRule.filter(user_id=user.id, rule=str(rule)).exists():
            await UserRule.create(user_id=user.id, rule=str(rule), created_at=now())
            await history.record(Resource.USER, user.id, "add_rule", actor, detail={"rule": str(rule)})
            outbox.publish(f"user:{user.id}")


async def unassign_rule(rule: Rule, user: User, *, actor: Actor) -> None:
    """Remove a direct rule from a user. Does nothing if it is not assigned."""
    async with serialized():
        if await UserRule.filter(user_id=user.id, rule=str(rule)).delete():
            await history.record(Resource.USER, user.id, "remove_rule", actor, detail={"rule": str(rule)})
            outbox.publish(f"user:{user.id}")


async def belongs_to_organization(user: User, organization_id: int) -> bool:
    """Return whether the organization is the user's home or has the user as a member."""
    member = Membership.filter(user_id=user.id, organization_id=organization_id)
    return user.home_organization_id == organization_id or await member.exists()
