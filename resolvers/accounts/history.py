"""Resolvers of the history."""

from tortoise.queryset import QuerySet

from models.accounts.history import HistoryEntry
from models.accounts.roles import Resource
from models.policies.accounts import history as policy
from resolvers.row_reader import RowReader

reader = RowReader(policy.readable)


def about_object(rows: QuerySet[HistoryEntry], resource: Resource, key: int) -> QuerySet[HistoryEntry]:
    """Return the entries about the object with this key."""
    return rows.filter(resource=resource, object_id=key)
