"""Leases: a worker claims a row until its lease expires, renews the lease, and releases it.

Sessions, images and operations are claimed so. Their tables have the columns `lease_until` and `fence`. Each claim has
a new fence. A transition that claims a row sets the columns of `new_claim`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, Protocol, TypeVar

from pypika_tortoise.queries import Table
from pypika_tortoise.terms import Parameter
from tortoise.connection import get_connection
from tortoise.models import Model

from core.clock import now
from core.database import sql
from core.database.connection import dialect
from core.messaging.outbox import OutboxMessage, update_with_outbox

Row = TypeVar("Row", bound=Model)


class ClaimedRow(Protocol):
    """A row with a fence."""

    @property
    def pk(self) -> Any:
        """The primary key."""

    @property
    def fence(self) -> int:
        """The number of its claims."""


def expiry(seconds: float) -> datetime:
    """Return when a lease of this duration expires that is taken now."""
    return now() + timedelta(seconds=seconds)


async def claim(
    model: type[Row], match: Mapping[str, Any], until: datetime, *, counter: str | None = None
) -> Row | None:
    """Claim the matching row unless another worker's lease on it is valid, and return the updated row; one statement.

    `fence` and the column `counter` are incremented, and `lease_until` is set to `until`.
    """
    values = [sql.to_db_value(model, "lease_until", until), *(sql.to_db_value(model, *each) for each in match.items())]
    text = _claim_text(model, dialect(), tuple(match), counter)
    _, found = await get_connection("default").execute_query(
        text, [*values, sql.to_db_value(model, "lease_until", now())]
    )
    return sql.as_row(model, found)


def new_claim(row: ClaimedRow, until: datetime) -> dict[str, Any]:
    """Return the columns by which a transition claims the row until then."""
    return {"fence": row.fence + 1, "lease_until": until}


async def renew(
    row: ClaimedRow,
    state: StrEnum,
    until: datetime,
    changes: Mapping[str, Any] | None = None,
    *,
    messages: Sequence[OutboxMessage] = (),
) -> bool:
    """Renew the lease of a claimed row, with other columns and messages; False if the claim is lost or the state left.

    Inside a transaction it also locks the row until the transaction ends. A lease until now releases the claim.
    """
    table: Any = type(row)
    expected = {"id": row.pk, "state": state, "fence": row.fence}
    return await update_with_outbox(table, expected, {"lease_until": until, **(changes or {})}, messages=messages)


@cache
def _claim_text(model: type[Model], dialect_name: str, match: tuple[str, ...], counter: str | None) -> str:
    fence, lease = sql.column(model, "fence"), sql.column(model, "lease_until")
    update: Any = sql.query_class(dialect_name).update(Table(model._meta.db_table))
    update = update.set(lease, Parameter(idx=1)).set(fence, fence + 1)
    if counter is not None:
        update = update.set(sql.column(model, counter), sql.column(model, counter) + 1)
    for number, name in enumerate(match, 2):
        update = update.where(sql.column(model, name) == Parameter(idx=number))
    expired = lease.isnull() | (lease < Parameter(idx=len(match) + 2))
    text: str = update.where(expired).returning(*sql.columns(model)).get_sql()
    # Tortoise treats an UPDATE as a statement without rows; in a SELECT they are returned.
    if dialect_name == "postgres":
        return f"WITH claimed AS ({text}) SELECT * FROM claimed"  # noqa: S608
    return text
