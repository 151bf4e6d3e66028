"""Workstations: programs that users launch as sessions. The images of a workstation are its versions."""

from typing import TYPE_CHECKING, Any

from tortoise import fields
from tortoise.models import Model

from core.clock import now

if TYPE_CHECKING:
    from models.accounts.users import User


class Workstation(Model):
    """A viewer, notebook or desktop that can be launched as a session."""

    id = fields.IntField(primary_key=True)
    title = fields.CharField(max_length=128)
    slug = fields.CharField(max_length=64, unique=True)
    description = fields.TextField(default="")
    is_public = fields.BooleanField(default=False)
    configuration: dict[str, Any] = fields.JSONField(default=dict, db_default="{}")
    logo_key = fields.CharField(max_length=32, null=True)
    logo_width = fields.IntField(null=True)
    logo_height = fields.IntField(null=True)
    creator: fields.ForeignKeyNullableRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="workstations", null=True, on_delete=fields.SET_NULL, db_index=True
    )
    created_at = fields.DatetimeField(default=now)
    updated_at = fields.DatetimeField(default=now)
    version = fields.IntField(default=1)

    creator_id: int | None

    class Meta:
        table = "workstation"
