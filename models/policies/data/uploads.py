"""Who sees and brings uploads."""

from tortoise.queryset import QuerySet

from models.accounts.roles import Operation, Resource
from models.data.uploads import Upload
from models.permissions.principal import Principal, PrincipalKind
from models.policies.row_access import Mine, Reach
from models.policies.verdicts import Verdict

UPLOADS = Reach(Upload, Resource.UPLOAD, own=(Mine("creator_id"),), desk=())


def readable(principal: Principal) -> QuerySet[Upload]:
    """Return the principal's own uploads; nobody sees another's."""
    return UPLOADS.rows(principal, Operation.VIEW)


def can_create(principal: Principal) -> Verdict:
    """Can the principal bring files?"""
    if principal.kind is not PrincipalKind.USER:
        return "Only a person uploads files."
    return principal.may(Resource.UPLOAD, Operation.CREATE) or "Your credential may not upload files."
