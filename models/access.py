"""Rules, roles and grants: what may be done, by whom, and how far it reaches."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.models import Model

from core.clock import now

if TYPE_CHECKING:
    from models.accounts import User
    from models.organizations import Organization


class Resource(StrEnum):
    """A noun that rules speak of."""

    USER = "user"
    ORGANIZATION = "organization"
    TOKEN = "token"  # noqa: S105 - the name of a noun, not a secret
    ROLE = "role"
    HISTORY = "history"
    REGION = "region"
    UPLOAD = "upload"
    WORKSTATION = "workstation"
    IMAGE = "image"
    SESSION = "session"


class Operation(StrEnum):
    """What is done to a resource."""

    VIEW = "view"
    CREATE = "create"
    EDIT = "edit"
    DELETE = "delete"
    SEND = "send"
    RECEIVE = "receive"


class Scope(StrEnum):
    """How far a rule reaches, from the narrowest to the widest."""

    OWN = "own"
    ORGANIZATION = "organization"
    COLLABORATION = "collaboration"
    GLOBAL = "global"


WIDTH = {scope: width for width, scope in enumerate(Scope)}


@dataclass(frozen=True, order=True)
class Rule:
    """One permission: an operation on a resource within a scope; written `session:create:own`."""

    resource: Resource
    operation: Operation
    scope: Scope

    def __str__(self) -> str:
        return f"{self.resource}:{self.operation}:{self.scope}"

    @classmethod
    def parse(cls, text: str) -> "Rule":
        """Read `resource:operation:scope`; ValueError when a part is unknown."""
        resource, operation, scope = text.split(":")
        return cls(Resource(resource), Operation(operation), Scope(scope))


class ObjectRole(StrEnum):
    """What a grant makes somebody on one object."""

    WORKSTATION_EDITOR = "workstation_editor"
    WORKSTATION_USER = "workstation_user"


class Role(Model):
    """A named set of rules, the default ones are kept equal to `DEFAULT_ROLES` by every migration."""

    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=64, unique=True)
    description = fields.CharField(max_length=1024, default="")
    rules: list[str] = fields.JSONField(default=list)
    is_default = fields.BooleanField(default=False)

    class Meta:
        table = "role"


class RoleHolder(Model):
    """A user holds a role."""

    id = fields.IntField(primary_key=True)
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="held_roles", on_delete=fields.CASCADE, db_index=True
    )
    role: fields.ForeignKeyRelation["Role"] = fields.ForeignKeyField(
        "models.Role", related_name="holders", on_delete=fields.CASCADE, db_index=True
    )

    user_id: int
    role_id: int

    class Meta:
        table = "role_holder"
        unique_together = (("user_id", "role_id"),)


class Grant(Model):
    """A user, or all members of an organization, hold an object role on one object."""

    id = fields.IntField(primary_key=True)
    user: fields.ForeignKeyNullableRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="grants", null=True, on_delete=fields.CASCADE, db_index=True
    )
    organization: fields.ForeignKeyNullableRelation["Organization"] = fields.ForeignKeyField(
        "models.Organization", related_name="grants", null=True, on_delete=fields.CASCADE, db_index=True
    )
    resource = fields.CharEnumField(Resource, max_length=32)
    object_id = fields.IntField()
    role = fields.CharEnumField(ObjectRole, max_length=32)
    created_at = fields.DatetimeField(default=now)

    user_id: int | None
    organization_id: int | None

    class Meta:
        table = "grant"
        indexes = (("resource", "object_id"),)
        unique_together = (("user_id", "organization_id", "resource", "object_id", "role"),)


def _rules(*texts: str) -> frozenset[Rule]:
    return frozenset(Rule.parse(text) for text in texts)


RESEARCHER = _rules(
    "user:view:own",
    "user:edit:own",
    "organization:view:own",
    "token:view:own",
    "token:create:own",
    "token:delete:own",
    "history:view:own",
    "region:view:global",
    "upload:view:own",
    "upload:create:own",
    "workstation:view:own",
    "workstation:edit:own",
    "image:view:own",
    "image:create:own",
    "image:edit:own",
    "session:view:own",
    "session:create:own",
    "session:edit:own",
)
BUILDER = RESEARCHER | _rules("workstation:create:own")
OPERATOR = frozenset(Rule(resource, operation, Scope.GLOBAL) for resource in Resource for operation in Operation)
DESK = _rules("user:view:own", "session:view:own", "workstation:view:own", "image:view:own")

DEFAULT_ROLES: dict[str, tuple[str, frozenset[Rule]]] = {
    "researcher": ("Launches workstations that are shared with them.", RESEARCHER),
    "builder": ("A researcher who also makes workstations and uploads images.", BUILDER),
    "operator": ("Runs the installation: every operation on every resource.", OPERATOR),
}
