"""Create, change and delete data sessions. Each change records its history and publishes the session's topic."""

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
from models.permissions.principal import Actor
from models.services.accounts import history
from models.services.data import dataoperations, uploads

MAX_NAME_LENGTH = 256
MAX_ITEMS = 10_000
TOUCH_INTERVAL = timedelta(hours=1)


async def create(
    name: str, items: Sequence[Item], *, upload_ids: Collection[int], organization_id: int | None, actor: Actor
) -> Datasession:
    """Create a data session with resolved files; `upload_ids` are the uploads among them."""
    _check_count(items)
    async with transaction():
        datasession = await Datasession.create(
            name=validated_name(name), input_data=list(items), creator_id=actor.user_id, organization_id=organization_id
        )
        await uploads.add_references(datasession, upload_ids)
        detail = {"name": datasession.name, "files": len(items)}
        await history.record(Resource.DATASESSION, datasession.id, "create", actor, detail=detail)
        outbox.publish(datasession.topic)
    return datasession


def validated_name(name: str) -> str:
    """Return the stripped name; BadInput if it is empty, too long or not printable."""
    name = name.strip()
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise BadInput(f"A name has 1 to {MAX_NAME_LENGTH} printable characters.", path=("name",))
    return name


def _check_count(items: Sequence[Item]) -> None:
    if len(items) > MAX_ITEMS:
        raise BadInput(
            f"A data session has at most {MAX_ITEMS} files; it would have {len(items)}. Remove some first.",
            path=("inputData",),
        )


async def rename(datasession: Datasession, name: str, *, version: int, actor: Actor) -> None:
    """Rename the data session; Conflict if it was changed since `version`."""
    name = validated_name(name)
    async with transaction():
        await _change(datasession, version, "rename", actor, {"name": name}, name=name)


async def add(datasession: Datasession, items: Sequence[Item], *, upload_ids: Collection[int], actor: Actor) -> None:
    """Append the files that the data session does not have yet."""
    for attempt in range(3):
        merged = [*datasession.input_data, *(item for item in items if item not in datasession.input_data)]
        _check_count(merged)
        try:
            async with transaction():
                await _change(datasession, datasession.version, "add", actor, {"files": len(items)}, input_data=merged)
                await uploads.add_references(datasession, upload_ids)
        except Conflict:
            if attempt == 2:
                raise
            await datasession.refresh_from_db()
        else:
            return


async def remove(datasession: Datasession, items: Sequence[Item], *, version: int, actor: Actor) -> None:
    """Remove files by source and basename; BadInput if the data session does not have one of them."""
    removed = {(item["source"], item["basename"]) for item in items}
    existing = {(item["source"], item["basename"]) for item in datasession.input_data}
    for source, basename in removed - existing:
        raise BadInput(f"{basename} of {source} is not in this data session.", path=("inputData",))
    remaining = [item for item in datasession.input_data if (item["source"], item["basename"]) not in removed]
    async with transaction():
        await _change(datasession, version, "remove", actor, {"files": len(removed)}, input_data=remaining)
        await uploads.remove_references(datasession)


async def _change(
    datasession: Datasession, version: int, action: str, actor: Actor, detail: dict[str, Any], **changes: Any
) -> None:
    rows = Datasession.filter(id=datasession.id, version=version)
    if not await rows.update(**changes, version=F("version") + 1, modified_at=now()):
        raise Conflict("Another request changed the data session. Read it again.")
    await history.record(Resource.DATASESSION, datasession.id, action, actor, detail=detail)
    outbox.publish(datasession.topic)
    await datasession.refresh_from_db()


async def delete(datasession: Datasession, *, actor: Actor) -> None:
    """Delete a data session with its operations, its grants and the results that no other session shares."""
    async with transaction():
        for operation in await DataOperation.filter(datasession_id=datasession.id).order_by("id"):
            await dataoperations.cleanup_before_delete(operation, actor)
        await uploads.remove_references(datasession, every=True)
        await Grant.filter(resource=Resource.DATASESSION, object_id=datasession.id).delete()
        detail = {"name": datasession.name}
        await history.record(Resource.DATASESSION, datasession.id, "delete", actor, detail=detail)
        await Datasession.filter(id=datasession.id).delete()
        outbox.publish(datasession.topic)


async def touch(datasession: Datasession) -> None:
    """Record the access time, at most once per `TOUCH_INTERVAL`."""
    at = now()
    if at - datasession.accessed_at > TOUCH_INTERVAL:
        await Datasession.filter(id=datasession.id).update(accessed_at=at)
        datasession.accessed_at = at
