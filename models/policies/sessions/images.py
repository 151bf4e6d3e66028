"""Who sees images and decides over them."""

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.accounts.roles import Operation, Permission, Resource
from models.permissions.principal import Principal
from models.policies.row_access import Only, Reach, Related
from models.policies.sessions import workstations
from models.policies.verdicts import Verdict
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Session


def _edited(principal: Principal, _permission: Permission) -> Q:
    return Q(workstation_id__in=Subquery(workstations.editable(principal).values("id")))


def _desired(principal: Principal, _permission: Permission) -> Q:
    seen = Subquery(workstations.readable(principal).values("id"))
    return Q(is_desired=True, state=ImageState.READY, workstation_id__in=seen)


def _used(principal: Principal, _permission: Permission) -> Q:
    return Q(id__in=Subquery(Session.filter(creator_id=principal.user_id).values("image_id")))


def _of_the_desk(principal: Principal, _permission: Permission) -> Q:
    return Q(id__in=Subquery(Session.filter(id=principal.session_id).values("image_id")))


IMAGES = Reach(
    Image,
    Resource.IMAGE,
    own=(Related(_edited), Only(Operation.VIEW, Related(_desired)), Only(Operation.VIEW, Related(_used))),
    desk=(Only(Operation.VIEW, Related(_of_the_desk)),),
)


def readable(principal: Principal) -> QuerySet[Image]:
    """Return all images, or those of workstations that the principal edits, and the desired ones of those it sees."""
    return IMAGES.rows(principal, Operation.VIEW)


async def can_edit(principal: Principal, image: Image) -> Verdict:
    """Can the principal say what becomes of the image?"""
    allowed = await IMAGES.covers(principal, Operation.EDIT, image)
    return allowed or "Only an editor of a workstation decides over its images."
