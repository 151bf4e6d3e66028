"""Table of tokens. All credentials of users and of sessions' containers are tokens."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.models import Model

from core.clock import now

if TYPE_CHECKING:
    from models.accounts.users import User


class TokenKind(StrEnum):
    """The use of a token.

    Browser cookie of the API, API token of a user or script, token of a session's container, or entry cookie of a
    session's host.
    """

    BROWSER = "browser"
    API = "api"
    SESSION = "session"
    ENTRY = "entry"


class Token(Model):
    """A credential. Its text is shown once, stored as a digest and found by its key."""

    id = fields.IntField(primary_key=True)
    kind = fields.CharEnumField(TokenKind, max_length=16)
    key = fields.CharField(max_length=32, unique=True)
    digest = fields.CharField(max_length=64)
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="tokens", on_delete=fields.CASCADE, db_index=True
    )
    session: fields.ForeignKeyNullableRelation[Model] = fields.ForeignKeyField(
        "models.Session", related_name="tokens", null=True, on_delete=fields.CASCADE, db_index=True
    )
    parent: fields.ForeignKeyNullableRelation["Token"] = fields.ForeignKeyField(
        "models.Token", related_name="children", null=True, on_delete=fields.CASCADE, db_index=True
    )
    name = fields.CharField(max_length=128, default="")
    scopes: list[str] | None = fields.JSONField(null=True)
    created_at = fields.DatetimeField(default=now)
    expires_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)

    user_id: int
    session_id: int | None
    parent_id: int | None

    class Meta:
        table = "token"

    def is_live(self, at: datetime) -> bool:
        """Return whether the token is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)
