from tortoise import migrations
from tortoise.migrations import operations as ops
from models.accounts.history import ActorKind
from models.accounts.tokens import TokenKind
from tortoise import fields


class Migration(migrations.Migration):
    """Rename the token kind and actor kind `desk` to `session`, in both directions."""

    dependencies = [("models", "0006_input_names")]

    initial = False

    operations = [
        ops.RunSQL(
            [
                "UPDATE token SET kind = 'session' WHERE kind = 'desk'",
                "UPDATE history_entry SET actor_kind = 'session' WHERE actor_kind = 'desk'",
            ],
            [
                "UPDATE token SET kind = 'desk' WHERE kind = 'session'",
                "UPDATE history_entry SET actor_kind = 'desk' WHERE actor_kind = 'session'",
            ],
        ),
        ops.AlterField(
            model_name="HistoryEntry",
            name="actor_kind",
            field=fields.CharEnumField(
                description="USER: user\nSESSION: session\nSERVICE: service\nANONYMOUS: anonymous",
                enum_type=ActorKind,
                max_length=16,
            ),
        ),
        ops.AlterField(
            model_name="Token",
            name="kind",
            field=fields.CharEnumField(
                description="BROWSER: browser\nAPI: api\nSESSION: session\nENTRY: entry",
                enum_type=TokenKind,
                max_length=16,
            ),
        ),
        ops.AlterModelOptions(
            name="Collaboration",
            options={
                "table": "collaboration",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Organizations that compute together. `is_encrypted` requires encryption of what they send one another.",
            },
        ),
        ops.AlterModelOptions(
            name="DataOperation",
            options={
                "table": "data_operation",
                "app": "models",
                "indexes": (("state", "lease_until"), ("datasession_id", "id")),
                "pk_attr": "id",
                "table_description": "One computation: its inputs, its progress and its result.",
            },
        ),
        ops.AlterModelOptions(
            name="Datasession",
            options={
                "table": "datasession",
                "app": "models",
                "pk_attr": "id",
                "table_description": "References to input files, and the operations on them.",
            },
        ),
        ops.AlterModelOptions(
            name="DatasessionUpload",
            options={
                "table": "datasession_upload",
                "app": "models",
                "unique_together": (("datasession_id", "upload_id"),),
                "pk_attr": "id",
                "table_description": "Keeps an upload for a data session. Every user who may compute in the session may read the upload there.",
            },
        ),
        ops.AlterModelOptions(
            name="Grant",
            options={
                "table": "grant",
                "app": "models",
                "unique_together": (("user_id", "organization_id", "resource", "object_id", "role"),),
                "indexes": (("resource", "object_id"),),
                "pk_attr": "id",
                "table_description": "An object role on one object, granted to a user or to all members of an organization.",
            },
        ),
        ops.AlterModelOptions(
            name="HistoryEntry",
            options={
                "table": "history_entry",
                "app": "models",
                "indexes": (("resource", "object_id", "id"),),
                "pk_attr": "id",
                "table_description": "An immutable entry about one object.",
            },
        ),
        ops.AlterModelOptions(
            name="IdempotencyKey",
            options={
                "table": "idempotency_key",
                "app": "models",
                "unique_together": (("user_id", "key"),),
                "pk_attr": "id",
                "table_description": "A user's key, the fingerprint of its request, and the object that the request created.",
            },
        ),
        ops.AlterModelOptions(
            name="Image",
            options={
                "table": "image",
                "app": "models",
                "indexes": (("state", "lease_until"),),
                "pk_attr": "id",
                "table_description": "A container image of a workstation. New sessions run the image that is desired and ready.",
            },
        ),
        ops.AlterModelOptions(
            name="Membership",
            options={
                "table": "membership",
                "app": "models",
                "unique_together": (("user_id", "organization_id"),),
                "pk_attr": "id",
                "table_description": "A user's membership in an organization.",
            },
        ),
        ops.AlterModelOptions(
            name="OperationDependency",
            options={
                "table": "data_operation_need",
                "app": "models",
                "unique_together": (("operation_id", "needed_id"),),
                "pk_attr": "id",
                "table_description": "One operation reads an output of another, older one. The age order excludes cycles.",
            },
        ),
        ops.AlterModelOptions(
            name="Organization",
            options={
                "table": "organization",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A group of people who work together, for example an institute or a lab.",
            },
        ),
        ops.AlterModelOptions(
            name="OutboxMessage",
            options={
                "table": "outbox_message",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A job or event to send. The row is deleted after it was sent.",
            },
        ),
        ops.AlterModelOptions(
            name="Participant",
            options={
                "table": "participant",
                "app": "models",
                "unique_together": (("collaboration_id", "organization_id"),),
                "pk_attr": "id",
                "table_description": "The participation of an organization in a collaboration.",
            },
        ),
        ops.AlterModelOptions(
            name="Region",
            options={
                "table": "region",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One container engine and its session capacity.",
            },
        ),
        ops.AlterModelOptions(
            name="Role",
            options={
                "table": "role",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A named set of rules. Every migration syncs the default roles with `DEFAULT_ROLES`.",
            },
        ),
        ops.AlterModelOptions(
            name="RoleHolder",
            options={
                "table": "role_holder",
                "app": "models",
                "unique_together": (("user_id", "role_id"),),
                "pk_attr": "id",
                "table_description": "The assignment of a role to a user.",
            },
        ),
        ops.AlterModelOptions(
            name="Session",
            options={
                "table": "session",
                "app": "models",
                "indexes": (("region_id", "state", "id"), ("state", "expires_at")),
                "pk_attr": "id",
                "table_description": "A container that runs for its creator until it is stopped, fails or expires.",
            },
        ),
        ops.AlterModelOptions(
            name="SourceCredential",
            options={
                "table": "source_credential",
                "app": "models",
                "unique_together": (("user_id", "source"),),
                "pk_attr": "id",
                "table_description": "A user's token for a source, encrypted with the installation's key.",
            },
        ),
        ops.AlterModelOptions(
            name="Token",
            options={
                "table": "token",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A credential. Its text is shown once, stored as a digest and found by its key.",
            },
        ),
        ops.AlterModelOptions(
            name="Upload",
            options={
                "table": "upload",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A file that is sent by PUT to its own address.",
            },
        ),
        ops.AlterModelOptions(
            name="UserRule",
            options={
                "table": "user_rule",
                "app": "models",
                "unique_together": (("user_id", "rule"),),
                "pk_attr": "id",
                "table_description": "The assignment of a rule to a user, without a role.",
            },
        ),
    ]
