"""Make data sessions, fill them, rename and delete them."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from tortoise.expressions import F

from core.clock import now
from core.database.connection import transaction
from core.errors import BadInput, Conflict
from core.messaging import outbox
from models.accounts.roles import Grant, Resource
from models.data.dataoperations import DataOperation
from models.data.datasessions import Datasession, Item
from models.permissions.actor import Actor
from models.services.accounts import history
from models.services.data import dataoperations, upload_references

NAME_LIMIT = 256
ITEMS_LIMIT = 10_000
TOUCH = timedelta(hours=1)


async def create(
    name: str, items: Sequence[Item], *, brought: Collection[int], organization_id: int | None, actor: Actor
) -> Datasession:
    """Make a data session with files that were found to be good; `brought` are the uploads among them."""
    _check_count(items)
    async with transaction():
        datasession = await Datasession.create(
            name=checked(name), input_data=list(items), creator_id=actor.user_id, organization_id=organization_id
        )
        await upload_references.keep(datasession, brought)
        detail = {"name": datasession.name, "files": len(items)}
        await history.record(Resource.DATASESSION, datasession.id, "create", actor, detail=detail)
        outbox.publish(datasession.topic)
    return datasession


def checked(name: str) -> str:
    """Return the name without spaces around it; BadInput for one that is empty, too long or not printable."""
    name = name.strip()
    if not name or len(name) > NAME_LIMIT or not name.isprintable():
        raise BadInput(f"A name has 1 to {NAME_LIMIT} printable characters.", path=("name",))
    return name


def _check_count(items: Sequence[Item]) -> None:
    if len(items) > ITEMS_LIMIT:
        raise BadInput(f"A data session has at most {ITEMS_LIMIT} files; this makes {len(items)}.", path=("inputData",))


async def rename(datasession: Datasession, name: str, *, version: int, actor: Actor) -> None:
    """Give the data session another name; Conflict when somebody changed it since `version`."""
    name = checked(name)
    async with transaction():
        await _change(datasession, version, "rename", actor, {"name": name}, name=name)


async def add(datasession: Datasession, items: Sequence[Item], *, brought: Collection[int], actor: Actor) -> None:
    """Append files that are not there yet; those that are stay where they are."""
    for attempt in range(3):
        present = [*datasession.input_data, *(item for item in items if item not in datasession.input_data)]
        _check_count(present)
        try:
            async with transaction():
                await _change(datasession, datasession.version, "add", actor, {"files": len(items)}, input_data=present)
                await upload_references.keep(datasession, brought)
        except Conflict:
            if attempt == 2:
                raise
            await datasession.refresh_from_db()
        else:
            return


async def remove(datasession: Datasession, items: Sequence[Item], *, version: int, actor: Actor) -> None:
    """Take files out by source and basename; BadInput names the first that is not there."""
    names = {(item["source"], item["basename"]) for item in items}
    there = {(item["source"], item["basename"]) for item in datasession.input_data}
    for source, basename in names - there:
        raise BadInput(f"{basename} of {source} is not in this data session.", path=("inputData",))
    left = [item for item in datasession.input_data if (item["source"], item["basename"]) not in names]
    async with transaction():
        await _change(datasession, version, "remove", actor, {"files": len(names)}, input_data=left)
        await upload_references.let_go(datasession)


async def _change(
    datasession: Datasession, version: int, action: str, actor: Actor, detail: dict[str, Any], **changes: Any
) -> None:
    rows = Datasession.filter(id=datasession.id, version=version)
    if not await rows.update(**changes, version=F("version") + 1, modified_at=now()):
        raise Conflict("The data session changed meanwhile; read it again.")
    await history.record(Resource.DATASESSION, datasession.id, action, actor, detail=detail)
    outbox.publish(datasession.topic)
    await datasession.refresh_from_db()


async def delete(datasession: Datasession, *, actor: Actor) -> None:
    """Delete a data session, its operations, what nobody else has of their results, and its grants."""
    async with transaction():
        for operation in await DataOperation.filter(datasession_id=datasession.id).order_by("id"):
            await dataoperations.forget(operation, actor)
        await upload_references.let_go(datasession, every=True)
        await Grant.filter(resource=Resource.DATASESSION, object_id=datasession.id).delete()
        detail = {"name": datasession.name}
        await history.record(Resource.DATASESSION, datasession.id, "delete", actor, detail=detail)
        await Datasession.filter(id=datasession.id).delete()
        outbox.publish(datasession.topic)


async def touch(datasession: Datasession) -> None:
    """Note that somebody looked at it, at most once an hour."""
    at = now()
    if at - datasession.accessed_at > TOUCH:
        await Datasession.filter(id=datasession.id).update(accessed_at=at)
        datasession.accessed_at = at
