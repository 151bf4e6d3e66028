"""Table of idempotency keys."""

from datetime import datetime
from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.models import Model

if TYPE_CHECKING:
    from models.accounts.users import User


class IdempotencyKey(Model):
    """A user's key, the fingerprint of its request, and the object that the request created."""

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
