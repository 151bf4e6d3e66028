"""Who sees regions."""

from tortoise.queryset import QuerySet

from models.accounts.roles import Operation, Resource
from models.permissions.principal import Principal
from models.policies.row_access import Reach
from models.sessions.regions import Region

REGIONS = Reach(Region, Resource.REGION)


def readable(principal: Principal) -> QuerySet[Region]:
    """Return every region for who may see regions."""
    return REGIONS.rows(principal, Operation.VIEW)
