"""Handlers for session jobs that used up their retries: each sets the row to a failed state with the reason."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from core.errors import Conflict
from models.services.sessions import images, session_runs
from models.sessions.images import Image, ImageState
from models.sessions.sessions import TERMINAL_STATES, Reason, Session


async def fail_session(context: Mapping[str, Any], session_id: int, reason: str) -> None:  # noqa: ARG001
    """Fail a session that can be neither started nor stopped; the sweep removes its container."""
    session = await Session.get_or_none(id=session_id)
    if session is None or session.state in TERMINAL_STATES:
        return
    with suppress(Conflict):  # Its state changed at the same time, so another job made progress after all.
        await session_runs.fail(session, Reason.JOB_FAILED, reason, expected_fence=session.fence)


async def fail_image(context: Mapping[str, Any], image_id: int, reason: str) -> None:  # noqa: ARG001
    """Fail the import of an image."""
    image = await Image.get_or_none(id=image_id)
    if image is None or image.state not in {ImageState.QUEUED, ImageState.IMPORTING}:
        return
    with suppress(Conflict):
        await images.fail_import(image, reason)
