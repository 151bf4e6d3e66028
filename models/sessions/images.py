"""Images: the versions of a workstation, each imported from an uploaded archive."""

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.permissions.resources import Resource
from models.state_machine import StateMachine

if TYPE_CHECKING:
    from models.accounts.users import User
    from models.data.uploads import Upload
    from models.sessions.workstations import Workstation


class ImageState(StrEnum):
    """The state of an image."""

    QUEUED = "queued"
    IMPORTING = "importing"
    READY = "ready"
    FAILED = "failed"
    REMOVED = "removed"


TRANSITIONS: dict[ImageState, frozenset[ImageState]] = {
    ImageState.QUEUED: frozenset({ImageState.IMPORTING, ImageState.FAILED, ImageState.REMOVED}),
    ImageState.IMPORTING: frozenset({ImageState.READY, ImageState.FAILED}),
    ImageState.READY: frozenset({ImageState.QUEUED, ImageState.REMOVED}),
    ImageState.FAILED: frozenset({ImageState.QUEUED, ImageState.REMOVED}),
    ImageState.REMOVED: frozenset(),
}


class Image(Model):
    """A container image of a workstation. New sessions run the image that is desired and ready."""

    id = fields.IntField(primary_key=True)
    workstation: fields.ForeignKeyRelation["Workstation"] = fields.ForeignKeyField(
        "models.Workstation", related_name="images", on_delete=fields.CASCADE, db_index=True
    )
    creator: fields.ForeignKeyNullableRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="images", null=True, on_delete=fields.SET_NULL, db_index=True
    )
    upload: fields.ForeignKeyNullableRelation["Upload"] = fields.ForeignKeyField(
        "models.Upload", related_name="images", null=True, on_delete=fields.SET_NULL, db_index=True
    )
    state = fields.CharEnumField(ImageState, max_length=16, default=ImageState.QUEUED)
    reason = fields.TextField(default="")
    http_port = fields.IntField(default=8080)
    websocket_port = fields.IntField(null=True)
    initial_path = fields.CharField(max_length=256, default="")
    comment = fields.TextField(default="")
    is_desired = fields.BooleanField(default=False)
    digest = fields.CharField(max_length=71, null=True)
    reference = fields.CharField(max_length=255, null=True)
    architecture = fields.CharField(max_length=32, null=True)
    image_user = fields.CharField(max_length=64, null=True)
    exposed_ports: list[int] = fields.JSONField(default=list)
    archive_bytes = fields.BigIntField(null=True)
    size_bytes = fields.BigIntField(null=True)
    lease_until = fields.DatetimeField(null=True)
    fence = fields.IntField(default=0)
    attempts = fields.IntField(default=0)
    created_at = fields.DatetimeField(default=now)
    ready_at = fields.DatetimeField(null=True)

    workstation_id: int
    creator_id: int | None
    upload_id: int | None
    states: ClassVar["StateMachine[Image, ImageState]"] = StateMachine(
        resource=Resource.IMAGE, noun="image", transitions=TRANSITIONS, topics=lambda image, _: [image.topic]
    )

    class Meta:
        table = "image"
        indexes = (("state", "lease_until"),)

    @property
    def topic(self) -> str:
        """The event topic of this image."""
        return f"image:{self.id}"
