from tortoise import migrations
from tortoise.migrations import operations as ops
from models.sessions.sessions import Reason
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0004_datasessions")]

    initial = False

    operations = [
        ops.AlterField(
            model_name="Session",
            name="reason_code",
            field=fields.CharEnumField(
                null=True,
                description="STOPPED_BY_CREATOR: stopped_by_creator\nEXPIRED: expired\nIDLE: idle\nIMAGE_GONE: image_gone\nENGINE_REFUSED: engine_refused\nENGINE_UNREACHABLE: engine_unreachable\nNEVER_ANSWERED: never_answered\nCONTAINER_EXITED: container_exited\nCONTAINER_LOST: container_lost\nOUT_OF_MEMORY: out_of_memory\nJOB_FAILED: job_failed",
                enum_type=Reason,
                max_length=32,
            ),
        ),
    ]
