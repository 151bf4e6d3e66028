"""Resolvers of data sessions: create, open, change, delete, and snapshots for subscriptions."""

from dataclasses import dataclass

from models.data.datasessions import Datasession
from models.permissions.principal import Actor, Principal
from models.policies.accounts import organizations as organization_policy
from models.policies.authorization import Action
from models.policies.data import dataoperations as operation_policy
from models.policies.data import datasessions as policy
from models.services.data import datasessions
from resolvers.app_state import AppState
from resolvers.data import input_files
from resolvers.guards import require, visible
from resolvers.row_reader import RowReader

reader = RowReader(policy.readable)


async def create(
    app_state: AppState, principal: Principal, name: str, input_data: object, organization_id: int | None
) -> Datasession:
    """Create a data session with files that the caller can resolve."""
    if organization_id is not None:
        await visible(organization_policy.readable(principal), organization_id)
    await require(principal, Action.DATASESSION_CREATE, None, organization_id)
    found, uploads = await input_files.resolve_files(app_state, principal, None, input_data)
    return await datasessions.create(
        name, found, upload_ids=uploads, organization_id=organization_id, actor=Actor.from_principal(principal)
    )


async def open_datasession(principal: Principal, key: int) -> Datasession | None:
    """Return a data session and record the access; None if the principal cannot see it."""
    datasession = await policy.readable(principal).get_or_none(id=key)
    if datasession is not None:
        await datasessions.touch(datasession)
    return datasession


async def rename(principal: Principal, key: int, name: str, expected_version: int | None) -> Datasession:
    """Rename a data session."""
    datasession = await visible(policy.readable(principal), key)
    await require(principal, Action.DATASESSION_UPDATE, datasession)
    version = datasession.version if expected_version is None else expected_version
    await datasessions.rename(datasession, name, version=version, actor=Actor.from_principal(principal))
    return datasession


async def add(app_state: AppState, principal: Principal, key: int, input_data: object) -> Datasession:
    """Append files that the caller can resolve."""
    datasession = await visible(policy.readable(principal), key)
    await require(principal, Action.DATASESSION_INPUT_ADD, datasession)
    found, uploads = await input_files.resolve_files(app_state, principal, datasession, input_data)
    await datasessions.add(datasession, found, upload_ids=uploads, actor=Actor.from_principal(principal))
    return datasession


async def remove(principal: Principal, key: int, input_data: object, expected_version: int | None) -> Datasession:
    """Remove files."""
    datasession = await visible(policy.readable(principal), key)
    await require(principal, Action.DATASESSION_INPUT_REMOVE, datasession)
    version = datasession.version if expected_version is None else expected_version
    await datasessions.remove(
        datasession, input_files.parse_item_refs(input_data), version=version, actor=Actor.from_principal(principal)
    )
    return datasession


async def delete(principal: Principal, key: int) -> None:
    """Delete a data session with its operations."""
    datasession = await visible(policy.readable(principal), key)
    await require(principal, Action.DATASESSION_DELETE, datasession)
    await datasessions.delete(datasession, actor=Actor.from_principal(principal))


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
