"""Tables of collaborations and their participants. An organization can be in several."""

from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.models import Model

from core.clock import now

if TYPE_CHECKING:
    from models.accounts.organizations import Organization


class Collaboration(Model):
    """Organizations that compute together. `is_encrypted` requires encryption of what they send one another."""

    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=128, unique=True)
    is_encrypted = fields.BooleanField(default=True)
    created_at = fields.DatetimeField(default=now)
    version = fields.IntField(default=1)

    class Meta:
        table = "collaboration"


class Participant(Model):
    """The participation of an organization in a collaboration."""

    id = fields.IntField(primary_key=True)
    collaboration: fields.ForeignKeyRelation["Collaboration"] = fields.ForeignKeyField(
        "models.Collaboration", related_name="participants", on_delete=fields.CASCADE, db_index=True
    )
    organization: fields.ForeignKeyRelation["Organization"] = fields.ForeignKeyField(
        "models.Organization", related_name="participations", on_delete=fields.RESTRICT, db_index=True
    )
    created_at = fields.DatetimeField(default=now)

    collaboration_id: int
    organization_id: int

    class Meta:
        table = "participant"
        unique_together = (("collaboration_id", "organization_id"),)
