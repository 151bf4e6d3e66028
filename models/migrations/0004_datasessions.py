from tortoise import migrations
from tortoise.migrations import operations as ops
from core.clock import now
from models.data.dataoperations import DataOperationState
from models.permissions.tables import ObjectRole, Resource
from models.data.results import ResultState
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index


class WordsOnly(ops.AlterField):
    """More words for a column of words: nothing to change in the database, where a rebuilt table would lose indexes."""

    async def database_forward(self, *_given: object, **_more: object) -> None:
        pass

    async def database_backward(self, *_given: object, **_more: object) -> None:
        pass


class Migration(migrations.Migration):
    dependencies = [("models", "0003_collaborations")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Datasession",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("name", fields.CharField(max_length=256)),
                (
                    "creator",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="creator_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="datasessions",
                        on_delete=OnDelete.RESTRICT,
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
                        related_name="datasessions",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("input_data", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("version", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("modified_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("accessed_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "datasession",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Files of a project, named by where they are, and the operations on them.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DatasessionUpload",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "datasession",
                    fields.ForeignKeyField(
                        "models.Datasession",
                        source_field="datasession_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="uploads",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "upload",
                    fields.ForeignKeyField(
                        "models.Upload",
                        source_field="upload_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="datasessions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
            ],
            options={
                "table": "datasession_upload",
                "app": "models",
                "unique_together": (("datasession_id", "upload_id"),),
                "pk_attr": "id",
                "table_description": "An upload is kept for a data session, and who may compute in the session may read it there.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Result",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("key", fields.CharField(db_index=True, max_length=64)),
                ("slot", fields.CharField(null=True, unique=True, max_length=64)),
                (
                    "state",
                    fields.CharEnumField(
                        default=ResultState.MAKING,
                        description="MAKING: making\nREADY: ready\nRELEASED: released",
                        enum_type=ResultState,
                        max_length=16,
                    ),
                ),
                ("maker", fields.IntField()),
                ("files", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("data", fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("ready_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "result",
                "app": "models",
                "indexes": [Index(fields=["state", "id"])],
                "pk_attr": "id",
                "table_description": "The files and numbers of one computation.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DataOperation",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "datasession",
                    fields.ForeignKeyField(
                        "models.Datasession",
                        source_field="datasession_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="operations",
                        on_delete=OnDelete.CASCADE,
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
                        related_name="data_operations",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name", fields.CharField(max_length=128)),
                ("code_version", fields.CharField(max_length=32)),
                ("inputs", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                (
                    "state",
                    fields.CharEnumField(
                        default=DataOperationState.QUEUED,
                        description="QUEUED: queued\nRUNNING: running\nCANCELLING: cancelling\nCANCELLED: cancelled\nSUCCEEDED: succeeded\nFAILED: failed\nEXPIRED: expired",
                        enum_type=DataOperationState,
                        max_length=16,
                    ),
                ),
                ("phase", fields.CharField(default="", max_length=64)),
                ("fraction", fields.FloatField(default=0.0)),
                ("message", fields.CharField(default="", max_length=1000)),
                ("log", fields.TextField(default="", unique=False)),
                ("warnings", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                (
                    "result",
                    fields.ForeignKeyField(
                        "models.Result",
                        source_field="result_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="operations",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("result_key", fields.CharField(null=True, max_length=64)),
                ("awaited", fields.IntField(null=True)),
                ("estimated_bytes", fields.BigIntField(null=True)),
                ("estimated_seconds", fields.FloatField(null=True)),
                ("attempts", fields.IntField(default=0)),
                ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("lease_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("fence", fields.IntField(default=0)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("started_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "data_operation",
                "app": "models",
                "indexes": [Index(fields=["state", "lease_until"]), Index(fields=["datasession_id", "id"])],
                "pk_attr": "id",
                "table_description": "One computation: what is computed of what, how far it is, and what came of it.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OperationDependency",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "operation",
                    fields.ForeignKeyField(
                        "models.DataOperation",
                        source_field="operation_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="needs",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "needed",
                    fields.ForeignKeyField(
                        "models.DataOperation",
                        source_field="needed_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="dependents",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
            ],
            options={
                "table": "data_operation_need",
                "app": "models",
                "unique_together": (("operation_id", "needed_id"),),
                "pk_attr": "id",
                "table_description": "An operation reads an output of another one, which was asked for before it, so that there are no circles.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SourceCredential",
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
                        related_name="source_credentials",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("source", fields.CharField(max_length=32)),
                ("sealed", fields.TextField(unique=False)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "source_credential",
                "app": "models",
                "unique_together": (("user_id", "source"),),
                "pk_attr": "id",
                "table_description": "A user's token of a source of frames, sealed with the installation's key.",
            },
            bases=["Model"],
        ),
        WordsOnly(
            model_name="Grant",
            name="resource",
            field=fields.CharEnumField(
                enum_type=Resource,
                max_length=32,
            ),
        ),
        WordsOnly(
            model_name="Grant",
            name="role",
            field=fields.CharEnumField(
                enum_type=ObjectRole,
                max_length=32,
            ),
        ),
        WordsOnly(
            model_name="HistoryEntry",
            name="resource",
            field=fields.CharEnumField(
                enum_type=Resource,
                max_length=32,
            ),
        ),
        ops.AddField(
            model_name="Session",
            name="datasession",
            field=fields.ForeignKeyField(
                "models.Datasession",
                source_field="datasession_id",
                null=True,
                db_index=True,
                db_constraint=True,
                to_field="id",
                related_name="sessions",
                on_delete=OnDelete.SET_NULL,
            ),
        ),
        # Adding a reference makes no index on PostgreSQL; the name is the one that a fresh database has.
        ops.RunSQL(
            'CREATE INDEX IF NOT EXISTS "idx_session_datases_ec51ee" ON "session" ("datasession_id")',
            'DROP INDEX IF EXISTS "idx_session_datases_ec51ee"',
        ),
    ]
