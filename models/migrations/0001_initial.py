from tortoise import migrations
from tortoise.migrations import operations as ops
from core.clock import now
from core.outbox import Kind
from models.access import ObjectRole, Resource
from models.accounts import TokenKind
from models.history import ActorKind
from models.images import ImageState
from models.organizations import MemberRole
from models.sessions import Reason, SessionState
from models.uploads import UploadState
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Organization",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("name", fields.CharField(unique=True, max_length=128)),
                ("slug", fields.CharField(unique=True, max_length=64)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "organization",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A group of people who work together: an institute, a lab.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OutboxMessage",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("key", fields.CharField(unique=True, max_length=160)),
                ("kind", fields.CharEnumField(description="JOB: job\nEVENT: event", enum_type=Kind, max_length=8)),
                ("name", fields.CharField(max_length=120)),
                ("queue", fields.CharField(default="", max_length=64)),
                ("arguments", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("leased_until", fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "outbox_message",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Something to be sent, the row is deleted when it was.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Region",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("name", fields.CharField(unique=True, max_length=32)),
                ("title", fields.CharField(default="", max_length=128)),
                ("capacity", fields.IntField(default=8)),
                ("is_active", fields.BooleanField(default=True)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "region",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One container engine and how many sessions it takes at once.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Role",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("name", fields.CharField(unique=True, max_length=64)),
                ("description", fields.CharField(default="", max_length=1024)),
                ("rules", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("is_default", fields.BooleanField(default=False)),
            ],
            options={
                "table": "role",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A named set of rules, the default ones are kept equal to `DEFAULT_ROLES` by every migration.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="User",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("username", fields.CharField(unique=True, max_length=128)),
                ("email", fields.CharField(null=True, unique=True, max_length=254)),
                ("display_name", fields.CharField(default="", max_length=128)),
                ("password_hash", fields.CharField(null=True, max_length=256)),
                (
                    "home_organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="home_organization_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="residents",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("is_active", fields.BooleanField(default=True)),
                ("failed_sign_ins", fields.IntField(default=0)),
                ("locked_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "user",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A person with an account.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Grant",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="grants",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="grants",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "resource",
                    fields.CharEnumField(
                        description="USER: user\nORGANIZATION: organization\nTOKEN: token\nROLE: role\nHISTORY: history\nREGION: region\nUPLOAD: upload\nWORKSTATION: workstation\nIMAGE: image\nSESSION: session",
                        enum_type=Resource,
                        max_length=32,
                    ),
                ),
                ("object_id", fields.IntField()),
                (
                    "role",
                    fields.CharEnumField(
                        description="WORKSTATION_EDITOR: workstation_editor\nWORKSTATION_USER: workstation_user",
                        enum_type=ObjectRole,
                        max_length=32,
                    ),
                ),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "grant",
                "app": "models",
                "unique_together": (("user_id", "organization_id", "resource", "object_id", "role"),),
                "indexes": [Index(fields=["resource", "object_id"])],
                "pk_attr": "id",
                "table_description": "A user, or all members of an organization, hold an object role on one object.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="HistoryEntry",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "resource",
                    fields.CharEnumField(
                        description="USER: user\nORGANIZATION: organization\nTOKEN: token\nROLE: role\nHISTORY: history\nREGION: region\nUPLOAD: upload\nWORKSTATION: workstation\nIMAGE: image\nSESSION: session",
                        enum_type=Resource,
                        max_length=32,
                    ),
                ),
                ("object_id", fields.IntField()),
                ("action", fields.CharField(max_length=64)),
                ("from_state", fields.CharField(null=True, max_length=32)),
                ("to_state", fields.CharField(null=True, max_length=32)),
                (
                    "actor_kind",
                    fields.CharEnumField(
                        description="USER: user\nDESK: desk\nSERVICE: service", enum_type=ActorKind, max_length=16
                    ),
                ),
                (
                    "actor",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="actor_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="acts",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("cause", fields.CharField(default="", max_length=500)),
                ("detail", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "history_entry",
                "app": "models",
                "indexes": [Index(fields=["resource", "object_id", "id"])],
                "pk_attr": "id",
                "table_description": "One thing that happened to one object, never changed afterwards.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Membership",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="memberships",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="memberships",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "role",
                    fields.CharEnumField(
                        default=MemberRole.MEMBER,
                        description="MEMBER: member\nADMIN: admin",
                        enum_type=MemberRole,
                        max_length=16,
                    ),
                ),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "membership",
                "app": "models",
                "unique_together": (("user_id", "organization_id"),),
                "pk_attr": "id",
                "table_description": "A user is a member of an organization.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RoleHolder",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="held_roles",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "role",
                    fields.ForeignKeyField(
                        "models.Role",
                        source_field="role_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="holders",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
            ],
            options={
                "table": "role_holder",
                "app": "models",
                "unique_together": (("user_id", "role_id"),),
                "pk_attr": "id",
                "table_description": "A user holds a role.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Upload",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "creator",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="creator_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="uploads",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("filename", fields.CharField(max_length=255)),
                (
                    "state",
                    fields.CharEnumField(
                        default=UploadState.WAITING,
                        description="WAITING: waiting\nCOMPLETE: complete\nUSED: used",
                        enum_type=UploadState,
                        max_length=16,
                    ),
                ),
                ("storage_key", fields.CharField(unique=True, max_length=255)),
                ("size_bytes", fields.BigIntField(null=True)),
                ("sha256", fields.CharField(null=True, max_length=64)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "upload",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A file that was, or is to be, sent by PUT to its own address.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Workstation",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("title", fields.CharField(max_length=128)),
                ("slug", fields.CharField(unique=True, max_length=64)),
                ("description", fields.TextField(default="", unique=False)),
                ("is_public", fields.BooleanField(default=False)),
                (
                    "creator",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="creator_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="workstations",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
            ],
            options={
                "table": "workstation",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A viewer, notebook or desktop that can be launched as a session.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Image",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "workstation",
                    fields.ForeignKeyField(
                        "models.Workstation",
                        source_field="workstation_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="images",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "creator",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="creator_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="images",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                (
                    "upload",
                    fields.ForeignKeyField(
                        "models.Upload",
                        source_field="upload_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="images",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                (
                    "state",
                    fields.CharEnumField(
                        default=ImageState.QUEUED,
                        description="QUEUED: queued\nIMPORTING: importing\nREADY: ready\nFAILED: failed\nREMOVED: removed",
                        enum_type=ImageState,
                        max_length=16,
                    ),
                ),
                ("reason", fields.TextField(default="", unique=False)),
                ("http_port", fields.IntField(default=8080)),
                ("websocket_port", fields.IntField(null=True)),
                ("initial_path", fields.CharField(default="", max_length=256)),
                ("comment", fields.TextField(default="", unique=False)),
                ("is_desired", fields.BooleanField(default=False)),
                ("digest", fields.CharField(null=True, max_length=71)),
                ("reference", fields.CharField(null=True, max_length=255)),
                ("architecture", fields.CharField(null=True, max_length=32)),
                ("image_user", fields.CharField(null=True, max_length=64)),
                ("exposed_ports", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("archive_bytes", fields.BigIntField(null=True)),
                ("size_bytes", fields.BigIntField(null=True)),
                ("lease_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("fence", fields.IntField(default=0)),
                ("attempts", fields.IntField(default=0)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("ready_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "image",
                "app": "models",
                "indexes": [Index(fields=["state", "lease_until"])],
                "pk_attr": "id",
                "table_description": "A container image of a workstation, the desired one that is ready is what a session runs.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Session",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "image",
                    fields.ForeignKeyField(
                        "models.Image",
                        source_field="image_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="sessions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "region",
                    fields.ForeignKeyField(
                        "models.Region",
                        source_field="region_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="sessions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "creator",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="creator_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="sessions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "state",
                    fields.CharEnumField(
                        default=SessionState.QUEUED,
                        description="QUEUED: queued\nSTARTING: starting\nRUNNING: running\nSTOPPING: stopping\nSTOPPED: stopped\nFAILED: failed\nEXPIRED: expired",
                        enum_type=SessionState,
                        max_length=16,
                    ),
                ),
                ("label", fields.CharField(unique=True, max_length=63)),
                ("active_key", fields.CharField(null=True, unique=True, max_length=64)),
                ("maximum_seconds", fields.IntField()),
                ("environment", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                (
                    "outcome",
                    fields.CharEnumField(
                        null=True,
                        description="QUEUED: queued\nSTARTING: starting\nRUNNING: running\nSTOPPING: stopping\nSTOPPED: stopped\nFAILED: failed\nEXPIRED: expired",
                        enum_type=SessionState,
                        max_length=16,
                    ),
                ),
                (
                    "reason_code",
                    fields.CharEnumField(
                        null=True,
                        description="STOPPED_BY_CREATOR: stopped_by_creator\nEXPIRED: expired\nIMAGE_GONE: image_gone\nENGINE_REFUSED: engine_refused\nENGINE_UNREACHABLE: engine_unreachable\nNEVER_ANSWERED: never_answered\nCONTAINER_EXITED: container_exited\nCONTAINER_LOST: container_lost\nOUT_OF_MEMORY: out_of_memory",
                        enum_type=Reason,
                        max_length=32,
                    ),
                ),
                ("reason", fields.TextField(default="", unique=False)),
                ("exit_code", fields.IntField(null=True)),
                ("logs", fields.TextField(default="", unique=False)),
                ("host", fields.CharField(null=True, max_length=255)),
                ("http_port", fields.IntField(null=True)),
                ("websocket_port", fields.IntField(null=True)),
                ("lease_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("fence", fields.IntField(default=0)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("starting_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("running_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "session",
                "app": "models",
                "indexes": [Index(fields=["region_id", "state", "id"]), Index(fields=["state", "expires_at"])],
                "pk_attr": "id",
                "table_description": "A container lent to its creator until it is stopped, fails, or its time is over.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Token",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "kind",
                    fields.CharEnumField(
                        description="BROWSER: browser\nAPI: api\nDESK: desk\nENTRY: entry",
                        enum_type=TokenKind,
                        max_length=16,
                    ),
                ),
                ("key", fields.CharField(unique=True, max_length=32)),
                ("digest", fields.CharField(max_length=64)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="tokens",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "session",
                    fields.ForeignKeyField(
                        "models.Session",
                        source_field="session_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="tokens",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "parent",
                    fields.ForeignKeyField(
                        "models.Token",
                        source_field="parent_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="children",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(default="", max_length=128)),
                ("scopes", fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("last_used_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "token",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A credential: shown once, kept as a digest, found by its key.",
            },
            bases=["Model"],
        ),
    ]
