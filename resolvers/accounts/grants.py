"""Resolvers of grants of object roles. `workstation_grants` and `datasession_grants` give and remove them."""

from collections.abc import Collection

from tortoise.queryset import QuerySet

from models.accounts.roles import Grant, Resource
from models.policies import registry
from models.policies.accounts import grants as policy
from resolvers.row_reader import RowReader

reader = RowReader(policy.readable)


def on_object(rows: QuerySet[Grant], resources: Collection[Resource], key: int) -> QuerySet[Grant]:
    """Return the grants on the object with this key. Resources that cannot be shared have none."""
    return rows.filter(resource__in=[each for each in resources if each in registry.grantable()], object_id=key)
