"""Table of users."""

from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.models import Model

from core.clock import now

if TYPE_CHECKING:
    from models.accounts.organizations import Organization


class User(Model):
    """A person with an account."""

    id = fields.IntField(primary_key=True)
    username = fields.CharField(max_length=128, unique=True)
    email = fields.CharField(max_length=254, unique=True, null=True)
    display_name = fields.CharField(max_length=128, default="")
    password_hash = fields.CharField(max_length=256, null=True)
    home_organization: fields.ForeignKeyNullableRelation["Organization"] = fields.ForeignKeyField(
        "models.Organization", related_name="residents", null=True, on_delete=fields.RESTRICT, db_index=True
    )
    is_active = fields.BooleanField(default=True)
    failed_sign_ins = fields.IntField(default=0)
    locked_until = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(default=now)

    home_organization_id: int | None

    class Meta:
        table = "user"
