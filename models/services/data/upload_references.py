"""Uploads that data sessions keep: as long as one of their files or operations names them."""

from collections.abc import Collection
from typing import Any

from models.data.dataoperations import DataOperation
from models.data.datasessions import Datasession, DatasessionUpload
from models.services.data import uploads


async def keep(datasession: Datasession, upload_ids: Collection[int]) -> None:
    """Keep uploads within the open transaction for the data session."""
    for upload_id in sorted(set(upload_ids)):
        if not await DatasessionUpload.filter(datasession_id=datasession.id, upload_id=upload_id).exists():
            await uploads.use(upload_id)
            await DatasessionUpload.create(datasession_id=datasession.id, upload_id=upload_id)


async def let_go(datasession: Datasession, *, every: bool = False) -> None:
    """Let go of uploads that neither the files nor an operation of the data session name any more."""
    named = "" if every else str([datasession.input_data, await _inputs(datasession)])
    for link in await DatasessionUpload.filter(datasession_id=datasession.id):
        if every or repr(uploads.address(link.upload_id)) not in named:
            await link.delete()
            if not await DatasessionUpload.filter(upload_id=link.upload_id).exists():
                await uploads.release(link.upload_id)


async def _inputs(datasession: Datasession) -> list[Any]:
    return list(await DataOperation.filter(datasession_id=datasession.id).values_list("inputs", flat=True))
