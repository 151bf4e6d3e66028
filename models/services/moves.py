"""A move from state to state: compare-and-set, its history, and the news of it, in one transaction."""

from typing import Any

from core import outbox
from core.database import transaction
from core.errors import Conflict
from models import images as image_table
from models import sessions as session_table
from models.access import Resource
from models.actors import Actor
from models.images import Image, ImageState
from models.services import accounts, history
from models.sessions import Session, SessionState


async def move_session(
    session: Session, to: SessionState, actor: Actor, *, cause: str = "", held: int | None = None, **changes: Any
) -> None:
    """Move a session, unless it has moved meanwhile or `held`, the fence of a claim, is lost: Conflict.

    The tokens of its container end with the session.
    """
    if to not in session_table.MOVES[session.state]:
        raise Conflict(f"Cannot go from {session.state} to {to}.")
    if to is SessionState.STOPPING or to in session_table.ENDINGS:
        changes["active_key"] = None
    async with transaction():
        rows = Session.filter(id=session.id, state=session.state)
        if held is not None:
            rows = rows.filter(fence=held)
        if not await rows.update(state=to, **changes):
            raise Conflict("The session changed meanwhile; read it again.")
        if to in session_table.ENDINGS:
            await accounts.revoke_desk_tokens(session.id)
        await history.record(
            Resource.SESSION, session.id, "move", actor, from_state=session.state, to_state=to, cause=cause
        )
        outbox.publish(session.topic)
        outbox.publish(f"sessions-of:{session.creator_id}")
        if SessionState.QUEUED in (session.state, to):
            outbox.publish(session_table.line_topic(session.region_id))
    session.update_from_dict({"state": to, **changes})


async def move_image(
    image: Image, to: ImageState, actor: Actor, *, cause: str = "", held: int | None = None, **changes: Any
) -> None:
    """Move an image, unless it has moved meanwhile or `held`, the fence of a claim, is lost: Conflict."""
    if to not in image_table.MOVES[image.state]:
        raise Conflict(f"Cannot go from {image.state} to {to}.")
    async with transaction():
        rows = Image.filter(id=image.id, state=image.state)
        if held is not None:
            rows = rows.filter(fence=held)
        if not await rows.update(state=to, **changes):
            raise Conflict("The image changed meanwhile; read it again.")
        await history.record(Resource.IMAGE, image.id, "move", actor, from_state=image.state, to_state=to, cause=cause)
        outbox.publish(f"image:{image.id}")
    image.update_from_dict({"state": to, **changes})
