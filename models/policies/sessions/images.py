"""Policies of images."""

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.accounts.roles import Permission, PermissionVerb, Resource
from models.permissions.principal import Principal
from models.policies import PolicyDecision
from models.policies.row_access import ForVerb, RowAccess, SqlCondition
from models.policies.sessions import workstations
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Session


def _edited(principal: Principal, _permission: Permission) -> Q:
    return Q(workstation_id__in=Subquery(workstations.editable(principal).values("id")))


def _desired(principal: Principal, _permission: Permission) -> Q:
    seen = Subquery(workstations.readable(principal).values("id"))
    return Q(is_desired=True, state=ImageState.READY, workstation_id__in=seen)


def _used(principal: Principal, _permission: Permission) -> Q:
    return Q(id__in=Subquery(Session.filter(creator_id=principal.user_id).values("image_id")))


def _of_session_token(principal: Principal, _permission: Permission) -> Q:
    return Q(id__in=Subquery(Session.filter(id=principal.session_id).values("image_id")))


IMAGES = RowAccess(
    Image,
    Resource.IMAGE,
    own=(
        SqlCondition(_edited),
        ForVerb(PermissionVerb.VIEW, SqlCondition(_desired)),
        ForVerb(PermissionVerb.VIEW, SqlCondition(_used)),
    ),
    session_token=(ForVerb(PermissionVerb.VIEW, SqlCondition(_of_session_token)),),
)


def readable(principal: Principal) -> QuerySet[Image]:
    """Return all images, or those of workstations that the principal edits, and the desired ones of those it sees."""
    return IMAGES.rows(principal, PermissionVerb.VIEW)


async def can_edit(principal: Principal, image: Image) -> PolicyDecision:
    """Return whether the principal can change the image."""
    allowed = await IMAGES.allows(principal, PermissionVerb.EDIT, image)
    return allowed or "Only an editor of a workstation can change its images."
