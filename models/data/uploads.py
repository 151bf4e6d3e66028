"""Uploads: files that users send before they use them as images, logos or input files."""

from enum import StrEnum
from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.models import Model

from core.clock import now

if TYPE_CHECKING:
    from models.accounts.users import User


class UploadState(StrEnum):
    """The state of an upload."""

    WAITING = "waiting"
    COMPLETE = "complete"
    USED = "used"


class Upload(Model):
    """A file that is sent by PUT to its own address."""

    id = fields.IntField(primary_key=True)
    creator: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="uploads", on_delete=fields.CASCADE, db_index=True
    )
    filename = fields.CharField(max_length=255)
    state = fields.CharEnumField(UploadState, max_length=16, default=UploadState.WAITING)
    storage_key = fields.CharField(max_length=255, unique=True)
    size_bytes = fields.BigIntField(null=True)
    sha256 = fields.CharField(max_length=64, null=True)
    created_at = fields.DatetimeField(default=now)
    expires_at = fields.DatetimeField()

    creator_id: int

    class Meta:
        table = "upload"
