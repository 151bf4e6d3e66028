"""Data sessions: input files and the operations on them."""

from typing import TYPE_CHECKING, Any

from tortoise import fields
from tortoise.models import Model

from core.clock import now

if TYPE_CHECKING:
    from models.accounts.organizations import Organization
    from models.accounts.users import User
    from models.data.uploads import Upload

Item = dict[str, Any]
"""One input file: its `type`, `source`, `basename` in that source, and optionally its `filter`."""


class Datasession(Model):
    """References to input files, and the operations on them."""

    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=256)
    creator: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="datasessions", on_delete=fields.RESTRICT, db_index=True
    )
    organization: fields.ForeignKeyNullableRelation["Organization"] = fields.ForeignKeyField(
        "models.Organization", related_name="datasessions", null=True, on_delete=fields.SET_NULL, db_index=True
    )
    input_data: list[Item] = fields.JSONField(default=list)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField(default=now)
    modified_at = fields.DatetimeField(default=now)
    accessed_at = fields.DatetimeField(default=now)

    creator_id: int
    organization_id: int | None

    class Meta:
        table = "datasession"

    @property
    def topic(self) -> str:
        """The event topic of the session and of its operations."""
        return f"datasession:{self.id}"


class DatasessionUpload(Model):
    """Keeps an upload for a data session. Every user who may compute in the session may read the upload there."""

    id = fields.IntField(primary_key=True)
    datasession: fields.ForeignKeyRelation["Datasession"] = fields.ForeignKeyField(
        "models.Datasession", related_name="uploads", on_delete=fields.CASCADE, db_index=True
    )
    upload: fields.ForeignKeyRelation["Upload"] = fields.ForeignKeyField(
        "models.Upload", related_name="datasessions", on_delete=fields.CASCADE, db_index=True
    )

    datasession_id: int
    upload_id: int

    class Meta:
        table = "datasession_upload"
        unique_together = (("datasession_id", "upload_id"),)
