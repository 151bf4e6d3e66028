"""Who sees images and decides over them."""

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.access import Operation, Resource
from models.images import Image, ImageState
from models.policies import workstations
from models.principal import Principal, PrincipalKind
from models.sessions import Session


def readable(principal: Principal) -> QuerySet[Image]:
    """Return the images of workstations that the principal edits, and the desired ones of those it sees."""
    if not principal.may(Resource.IMAGE, Operation.VIEW):
        return Image.filter(id__in=[])
    if principal.kind is PrincipalKind.DESK:
        mine = Session.filter(id=principal.session_id).values("image_id")
        return Image.filter(id__in=Subquery(mine))
    edited = Q(workstation_id__in=Subquery(workstations.editable(principal).values("id")))
    seen = Q(
        is_desired=True,
        state=ImageState.READY,
        workstation_id__in=Subquery(workstations.readable(principal).values("id")),
    )
    used = Q(id__in=Subquery(Session.filter(creator_id=principal.user_id).values("image_id")))
    return Image.filter(edited | seen | used)
