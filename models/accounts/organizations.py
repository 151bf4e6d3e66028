"""Tables of organizations and their members."""

from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.permissions.enums import MemberRole

if TYPE_CHECKING:
    from models.accounts.users import User


class Organization(Model):
    """A group of people who work together, for example an institute or a lab."""

    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=128, unique=True)
    slug = fields.CharField(max_length=64, unique=True)
    created_at = fields.DatetimeField(default=now)

    class Meta:
        table = "organization"


class Membership(Model):
    """A user's membership in an organization."""

    id = fields.IntField(primary_key=True)
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="memberships", on_delete=fields.CASCADE, db_index=True
    )
    organization: fields.ForeignKeyRelation["Organization"] = fields.ForeignKeyField(
        "models.Organization", related_name="memberships", on_delete=fields.CASCADE, db_index=True
    )
    role = fields.CharEnumField(MemberRole, max_length=16, default=MemberRole.MEMBER)
    created_at = fields.DatetimeField(default=now)

    user_id: int
    organization_id: int

    class Meta:
        table = "membership"
        unique_together = (("user_id", "organization_id"),)


__all__ = ["MemberRole", "Membership", "Organization"]
