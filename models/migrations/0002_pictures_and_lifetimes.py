from tortoise import migrations
from tortoise.migrations import operations as ops
from models.sessions.sessions import Reason
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Region",
            name="ping_url",
            field=fields.CharField(default="", db_default="", max_length=255),
        ),
        ops.AlterField(
            model_name="Session",
            name="reason_code",
            field=fields.CharEnumField(
                null=True,
                description="STOPPED_BY_CREATOR: stopped_by_creator\nEXPIRED: expired\nIDLE: idle\nIMAGE_GONE: image_gone\nENGINE_REFUSED: engine_refused\nENGINE_UNREACHABLE: engine_unreachable\nNEVER_ANSWERED: never_answered\nCONTAINER_EXITED: container_exited\nCONTAINER_LOST: container_lost\nOUT_OF_MEMORY: out_of_memory",
                enum_type=Reason,
                max_length=32,
            ),
        ),
        ops.AddField(
            model_name="Session",
            name="last_active_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Session",
            name="ping_times",
            field=fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name="Workstation",
            name="configuration",
            field=fields.JSONField(default=dict, db_default="{}", encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name="Workstation",
            name="logo_height",
            field=fields.IntField(null=True),
        ),
        ops.AddField(
            model_name="Workstation",
            name="logo_key",
            field=fields.CharField(null=True, max_length=32),
        ),
        ops.AddField(
            model_name="Workstation",
            name="logo_width",
            field=fields.IntField(null=True),
        ),
    ]
