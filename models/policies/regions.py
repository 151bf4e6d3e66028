"""Who sees regions."""

from tortoise.queryset import QuerySet

from models.access import Operation, Resource
from models.policies.reach import Reach
from models.principal import Principal
from models.regions import Region

REGIONS = Reach(Region, Resource.REGION)


def readable(principal: Principal) -> QuerySet[Region]:
    """Return every region for who may see regions."""
    return REGIONS.rows(principal, Operation.VIEW)
