"""Snapshots of data sessions for subscriptions."""

from dataclasses import dataclass

from models.data.datasessions import Datasession
from models.permissions.principal import Principal
from models.policies.data import dataoperations as operation_policy
from models.policies.data import datasessions as policy


@dataclass(frozen=True)
class DatasessionSnapshot:
    """A data session, and a `version` that changes whenever it or one of its operations changes."""

    datasession: Datasession
    version: tuple[object, ...]


async def read_snapshot(principal: Principal, key: int) -> DatasessionSnapshot | None:
    """Return the current data session; None if it does not exist or the principal cannot see it."""
    datasession = await policy.readable(principal).get_or_none(id=key)
    if datasession is None:
        return None
    rows = operation_policy.readable(principal).filter(datasession_id=key).order_by("id")
    states = await rows.values_list("id", "state", "fraction", "phase", "fence")
    return DatasessionSnapshot(datasession, (datasession.version, *states))
