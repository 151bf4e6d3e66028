"""Answer what is asked of data sessions."""

from models.data.datasessions import Datasession
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.policies.accounts import organizations as organization_policy
from models.policies.authorization import Action
from models.policies.data import datasessions as policy
from models.services.data import datasessions
from resolvers.app_state import House
from resolvers.data import input_files
from resolvers.guards import require, visible


async def create(
    house: House, principal: Principal, name: str, input_data: object, organization_id: int | None
) -> Datasession:
    """Make a data session with files that the caller may name."""
    if organization_id is not None:
        await visible(organization_policy.readable(principal), organization_id)
    await require(principal, Action.DATASESSION_CREATE, None, organization_id)
    found, uploads = await input_files.admitted(house, principal, None, input_data)
    return await datasessions.create(
        name, found, brought=uploads, organization_id=organization_id, actor=Actor.of(principal)
    )


async def look(principal: Principal, key: int) -> Datasession | None:
    """Return a data session that somebody opens, which is noted; None when it cannot be seen."""
    datasession = await policy.readable(principal).get_or_none(id=key)
    if datasession is not None:
        await datasessions.touch(datasession)
    return datasession


async def rename(principal: Principal, key: int, name: str, expected_version: int | None) -> Datasession:
    """Give the data session another name."""
    datasession = await visible(policy.readable(principal), key)
    await require(principal, Action.DATASESSION_UPDATE, datasession)
    version = datasession.version if expected_version is None else expected_version
    await datasessions.rename(datasession, name, version=version, actor=Actor.of(principal))
    return datasession


async def add(house: House, principal: Principal, key: int, input_data: object) -> Datasession:
    """Append files that the caller may name."""
    datasession = await visible(policy.readable(principal), key)
    await require(principal, Action.DATASESSION_INPUT_ADD, datasession)
    found, uploads = await input_files.admitted(house, principal, datasession, input_data)
    await datasessions.add(datasession, found, brought=uploads, actor=Actor.of(principal))
    return datasession


async def remove(principal: Principal, key: int, input_data: object, expected_version: int | None) -> Datasession:
    """Take files out."""
    datasession = await visible(policy.readable(principal), key)
    await require(principal, Action.DATASESSION_INPUT_REMOVE, datasession)
    version = datasession.version if expected_version is None else expected_version
    await datasessions.remove(datasession, input_files.named(input_data), version=version, actor=Actor.of(principal))
    return datasession


async def delete(principal: Principal, key: int) -> None:
    """Delete a data session with all that was computed in it."""
    datasession = await visible(policy.readable(principal), key)
    await require(principal, Action.DATASESSION_DELETE, datasession)
    await datasessions.delete(datasession, actor=Actor.of(principal))
