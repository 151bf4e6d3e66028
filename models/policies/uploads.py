"""Who sees and brings uploads."""

from tortoise.queryset import QuerySet

from models.access import Operation, Resource
from models.policies.reach import Mine, Reach
from models.policies.verdicts import Verdict
from models.principal import Principal, PrincipalKind
from models.uploads import Upload

UPLOADS = Reach(Upload, Resource.UPLOAD, own=(Mine("creator_id"),), desk=())


def readable(principal: Principal) -> QuerySet[Upload]:
    """Return the principal's own uploads; nobody sees another's."""
    return UPLOADS.rows(principal, Operation.VIEW)


def can_create(principal: Principal) -> Verdict:
    """Can the principal bring files?"""
    if principal.kind is not PrincipalKind.USER:
        return "Only a person uploads files."
    return principal.may(Resource.UPLOAD, Operation.CREATE) or "Your credential may not upload files."
