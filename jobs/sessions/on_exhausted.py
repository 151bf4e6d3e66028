"""How a row ends whose job cannot be done: in a failed state that people see, with the reason."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from core.errors import Conflict
from models.data.dataoperations import PENDING, DataOperation, DataOperationState
from models.services.data import operation_runs
from models.services.sessions import images, session_completion
from models.sessions.images import Image, ImageState
from models.sessions.sessions import ENDINGS, Reason, Session


async def session_fails(context: Mapping[str, Any], session_id: int, why: str) -> None:  # noqa: ARG001
    """End a session that can be neither started nor stopped; the sweep takes its container away."""
    session = await Session.get_or_none(id=session_id)
    if session is None or session.state in ENDINGS:
        return
    with suppress(Conflict):  # It has just moved, so somebody could do something with it after all.
        await session_completion.fail(session, Reason.JOB_FAILED, why, held=session.fence)


async def image_fails(context: Mapping[str, Any], image_id: int, why: str) -> None:  # noqa: ARG001
    """End the import of an image."""
    image = await Image.get_or_none(id=image_id)
    if image is None or image.state not in {ImageState.QUEUED, ImageState.IMPORTING}:
        return
    with suppress(Conflict):
        await images.fail_import(image, why)


async def operation_fails(context: Mapping[str, Any], operation_id: int, why: str) -> None:  # noqa: ARG001
    """End a data operation, and with it those that wait for its outputs; one that was being cancelled is cancelled."""
    operation = await DataOperation.get_or_none(id=operation_id)
    if operation is None or operation.state not in PENDING:
        return
    with suppress(Conflict):
        if operation.state is DataOperationState.CANCELLING:
            await operation_runs.finish_cancel(operation)
        else:
            await operation_runs.fail(operation, why)
