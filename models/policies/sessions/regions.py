"""Policy of regions."""

from tortoise.queryset import QuerySet

from models.accounts.roles import PermissionVerb, Resource
from models.permissions.principal import Principal
from models.policies.row_access import RowAccess
from models.sessions.regions import Region

REGIONS = RowAccess(Region, Resource.REGION)


def readable(principal: Principal) -> QuerySet[Region]:
    """Return all regions if the principal can see regions."""
    return REGIONS.rows(principal, PermissionVerb.VIEW)
