"""Roles, rules and grants that people hold; the words and the tables behind them are in `models.permissions.tables`."""

from typing import TYPE_CHECKING, Any

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.permissions.default_roles import BUILDER, DEFAULT_ROLES, DESK, OPERATOR, RESEARCHER
from models.permissions.enums import WIDTH, Operation, Scope
from models.permissions.rules import OBJECT_ROLES, Permission, Rule
from models.permissions.tables import ObjectRole, Resource

if TYPE_CHECKING:
    from models.accounts.organizations import Organization
    from models.accounts.users import User


class Role(Model):
    """A named set of rules, the default ones are kept equal to `DEFAULT_ROLES` by every migration.

    A role of an organization is held by its members and reaches no other one. `key` keeps names unique in each.
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
        """Save with the key that its name gives it."""
        self.key = role_key(self.name, self.organization_id)
        await super().save(*args, **kwargs)


class RoleHolder(Model):
    """A user holds a role."""

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
    """A user holds a rule directly."""

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
    """A user, or all members of an organization, hold an object role on one object."""

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
    """Return what makes a role's name unique: within its organization, or among those of the whole house."""
    return f"{organization_id or 0}:{name}"


__all__ = [
    "BUILDER",
    "DEFAULT_ROLES",
    "DESK",
    "OBJECT_ROLES",
    "OPERATOR",
    "RESEARCHER",
    "WIDTH",
    "Grant",
    "ObjectRole",
    "Operation",
    "Permission",
    "Resource",
    "Role",
    "RoleHolder",
    "Rule",
    "Scope",
    "UserRule",
    "role_key",
]
