from tortoise import migrations
from tortoise.migrations import operations as ops
from core.clock import now
from models.accounts.history import ActorKind
from tortoise.fields.base import OnDelete
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0002_pictures_and_lifetimes")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Collaboration",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("name", fields.CharField(unique=True, max_length=128)),
                ("is_encrypted", fields.BooleanField(default=True)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
            ],
            options={
                "table": "collaboration",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Organizations that compute together, and whether what they send one another has to be encrypted.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Participant",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "collaboration",
                    fields.ForeignKeyField(
                        "models.Collaboration",
                        source_field="collaboration_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="participants",
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
                        related_name="participations",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "participant",
                "app": "models",
                "unique_together": (("collaboration_id", "organization_id"),),
                "pk_attr": "id",
                "table_description": "An organization takes part in a collaboration.",
            },
            bases=["Model"],
        ),
        ops.AlterField(
            model_name="HistoryEntry",
            name="actor_kind",
            field=fields.CharEnumField(
                description="USER: user\nDESK: desk\nSERVICE: service\nANONYMOUS: anonymous",
                enum_type=ActorKind,
                max_length=16,
            ),
        ),
    ]
