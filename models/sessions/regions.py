"""Regions: places where containers run, each with one engine, a capacity and a queue."""

from tortoise import fields
from tortoise.models import Model

from core.clock import now


class Region(Model):
    """One container engine and its session capacity."""

    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=32, unique=True)
    ping_url = fields.CharField(max_length=255, default="", db_default="")
    title = fields.CharField(max_length=128, default="")
    capacity = fields.IntField(default=8)
    is_active = fields.BooleanField(default=True)
    created_at = fields.DatetimeField(default=now)

    class Meta:
        table = "region"
