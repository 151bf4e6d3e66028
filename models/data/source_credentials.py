"""Encrypted, expiring credentials of users for file sources. They are never returned to a client."""

from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.models import Model

from core.clock import now

if TYPE_CHECKING:
    from models.accounts.users import User


class SourceCredential(Model):
    """A user's token for a source, encrypted with the installation's key."""

    id = fields.IntField(primary_key=True)
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="source_credentials", on_delete=fields.CASCADE, db_index=True
    )
    source = fields.CharField(max_length=32)
    sealed = fields.TextField()
    created_at = fields.DatetimeField(default=now)
    expires_at = fields.DatetimeField()

    user_id: int

    class Meta:
        table = "source_credential"
        unique_together = (("user_id", "source"),)
