"""Who sees regions."""

from tortoise.queryset import QuerySet

from models.access import Operation, Resource
from models.principal import Principal
from models.regions import Region


def readable(principal: Principal) -> QuerySet[Region]:
    """Return every region for who may see regions."""
    if not principal.may(Resource.REGION, Operation.VIEW):
        return Region.filter(id__in=[])
    return Region.all()
