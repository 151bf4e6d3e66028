"""Policies of uploads."""

from tortoise.queryset import QuerySet

from models.accounts.roles import PermissionVerb, Resource
from models.data.uploads import Upload
from models.permissions.principal import Principal, PrincipalKind
from models.policies import PolicyDecision
from models.policies.row_access import OwnedBy, RowAccess

UPLOADS = RowAccess(Upload, Resource.UPLOAD, own=(OwnedBy("creator_id"),), session_token=())


def readable(principal: Principal) -> QuerySet[Upload]:
    """Return the principal's own uploads. Uploads of other users are never visible."""
    return UPLOADS.rows(principal, PermissionVerb.VIEW)


def can_create(principal: Principal) -> PolicyDecision:
    """Return whether the principal can upload files."""
    if principal.kind is not PrincipalKind.USER:
        return "Only a user can upload files."
    return (
        principal.has_permission(Resource.UPLOAD, PermissionVerb.CREATE)
        or "Your credential does not allow uploading files."
    )
