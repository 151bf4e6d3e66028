"""Tables of roles, role holders, direct rules and grants. `models.permissions` defines the rules."""

from typing import TYPE_CHECKING, Any

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.permissions.default_roles import BUILDER, DEFAULT_ROLES, OPERATOR, RESEARCHER, SESSION
from models.permissions.enums import SCOPE_WIDTH, PermissionVerb, Scope
from models.permissions.rules import OBJECT_ROLE_PERMISSIONS, Permission, Rule
from models.permissions.tables import ObjectRole, Resource

if TYPE_CHECKING:
    from models.accounts.organizations import Organization
    from models.accounts.users import User


class Role(Model):
    """A named set of rules. Every migration syncs the default roles with `DEFAULT_ROLES`.

    The rules of an organization's role apply to that organization only. `key` makes names unique in each organization.
    """

    id = fields.IntField(primary_key=True)
    key = fields.CharField(max_length=80, unique=True)
    name = fields.CharField(max_length=64)
    description = fields.CharField(max_length=1024, default="")
    rules: list[str] = fields.JSONField(default=list)
    is_default = fields.BooleanField(default=False)
    organization: fields.ForeignKeyNullableRelation["Organization"] = fields.ForeignKeyField(
        "models.Organization", related_name="roles", null=True, on_delete=fields.CASCADE, db_index=True
    )
    created_at = fields.DatetimeField(default=now)
    version = fields.IntField(default=1)

    organization_id: int | None

    class Meta:
        table = "role"

    async def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the role with the key that follows from its name."""
        self.key = role_key(self.name, self.organization_id)
        await super().save(*args, **kwargs)


class RoleHolder(Model):
    """The assignment of a role to a user."""

    id = fields.IntField(primary_key=True)
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="held_roles", on_delete=fields.CASCADE, db_index=True
    )
    role: fields.ForeignKeyRelation["Role"] = fields.ForeignKeyField(
        "models.Role", related_name="holders", on_delete=fields.CASCADE, db_index=True
    )

    user_id: int
    role_id: int

    class Meta:
        table = "role_holder"
        unique_together = (("user_id", "role_id"),)


class UserRule(Model):
    """The assignment of a rule to a user, without a role."""

    id = fields.IntField(primary_key=True)
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="direct_rules", on_delete=fields.CASCADE, db_index=True
    )
    rule = fields.CharField(max_length=96)
    created_at = fields.DatetimeField(default=now)

    user_id: int

    class Meta:
        table = "user_rule"
        unique_together = (("user_id", "rule"),)


class Grant(Model):
    """An object role on one object, granted to a user or to all members of an organization."""

    id = fields.IntField(primary_key=True)
    user: fields.ForeignKeyNullableRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="grants", null=True, on_delete=fields.CASCADE, db_index=True
    )
    organization: fields.ForeignKeyNullableRelation["Organization"] = fields.ForeignKeyField(
        "models.Organization", related_name="grants", null=True, on_delete=fields.CASCADE, db_index=True
    )
    resource = fields.CharEnumField(Resource, max_length=32)
    object_id = fields.IntField()
    role = fields.CharEnumField(ObjectRole, max_length=32)
    created_at = fields.DatetimeField(default=now)

    user_id: int | None
    organization_id: int | None

    class Meta:
        table = "grant"
        indexes = (("resource", "object_id"),)
        unique_together = (("user_id", "organization_id", "resource", "object_id", "role"),)


def role_key(name: str, organization_id: int | None) -> str:
    """Return the key that makes a role's name unique in its organization, or among the global roles."""
    return f"{organization_id or 0}:{name}"


__all__ = [
    "BUILDER",
    "DEFAULT_ROLES",
    "OBJECT_ROLE_PERMISSIONS",
    "OPERATOR",
    "RESEARCHER",
    "SCOPE_WIDTH",
    "SESSION",
    "Grant",
    "ObjectRole",
    "Permission",
    "PermissionVerb",
    "Resource",
    "Role",
    "RoleHolder",
    "Rule",
    "Scope",
    "UserRule",
    "role_key",
]
