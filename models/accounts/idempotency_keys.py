"""Idempotency keys: what a request that came twice has already made."""

from datetime import datetime
from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.models import Model

if TYPE_CHECKING:
    from models.accounts.users import User


class IdempotencyKey(Model):
    """A caller's key, the request that used it and what that made, kept for a day."""

    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="idempotency_keys", on_delete=fields.CASCADE
    )
    key = fields.CharField(max_length=128)
    operation = fields.CharField(max_length=64)
    fingerprint = fields.CharField(max_length=64)
    object_id = fields.IntField(null=True)
    is_new = fields.BooleanField(default=True)
    lease_until: datetime = fields.DatetimeField()
    expires_at: datetime = fields.DatetimeField(db_index=True)

    user_id: int

    class Meta:
        table = "idempotency_key"
        unique_together = (("user_id", "key"),)
