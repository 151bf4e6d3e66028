"""References of data sessions to uploads. An upload is kept while a file or an operation of the session names it."""

from collections.abc import Collection
from typing import Any

from models.data.dataoperations import DataOperation
from models.data.datasessions import Datasession, DatasessionUpload
from models.services.data import uploads


async def acquire(datasession: Datasession, upload_ids: Collection[int]) -> None:
    """Add references to uploads in the open transaction."""
    for upload_id in sorted(set(upload_ids)):
        if not await DatasessionUpload.filter(datasession_id=datasession.id, upload_id=upload_id).exists():
            await uploads.mark_used(upload_id)
            await DatasessionUpload.create(datasession_id=datasession.id, upload_id=upload_id)


async def release(datasession: Datasession, *, every: bool = False) -> None:
    """Remove the references to uploads that no file or operation of the data session names; or `every` reference."""
    names = "" if every else str([datasession.input_data, await _inputs(datasession)])
    for link in await DatasessionUpload.filter(datasession_id=datasession.id):
        if every or repr(uploads.global_id(link.upload_id)) not in names:
            await link.delete()
            if not await DatasessionUpload.filter(upload_id=link.upload_id).exists():
                await uploads.release(link.upload_id)


async def _inputs(datasession: Datasession) -> list[Any]:
    return list(await DataOperation.filter(datasession_id=datasession.id).values_list("inputs", flat=True))
