"""What a data session is like at a moment, as those who follow it see it."""

from dataclasses import dataclass

from models.data.datasessions import Datasession
from models.permissions.principal import Principal
from models.policies.data import dataoperations as operation_policy
from models.policies.data import datasessions as policy


@dataclass(frozen=True)
class Present:
    """A data session, and a value that differs when it or one of its operations has changed."""

    datasession: Datasession
    version: tuple[object, ...]


async def present(principal: Principal, key: int) -> Present | None:
    """Return the data session as it is now with the caller's rights; None when it is gone or cannot be seen."""
    datasession = await policy.readable(principal).get_or_none(id=key)
    if datasession is None:
        return None
    rows = operation_policy.readable(principal).filter(datasession_id=key).order_by("id")
    states = await rows.values_list("id", "state", "fraction", "phase", "fence")
    return Present(datasession, (datasession.version, *states))
