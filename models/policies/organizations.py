"""Who sees organizations and manages their members."""

from tortoise.queryset import QuerySet

from models.access import Operation, Resource, Scope
from models.organizations import Membership, Organization
from models.policies.verdicts import Verdict
from models.principal import Principal


def readable(principal: Principal) -> QuerySet[Organization]:
    """Return all organizations, or those that the principal is a member of."""
    if principal.reaches(Resource.ORGANIZATION, Operation.VIEW, Scope.GLOBAL):
        return Organization.all()
    if not principal.may(Resource.ORGANIZATION, Operation.VIEW):
        return Organization.filter(id__in=[])
    return Organization.filter(id__in=sorted(principal.organization_ids))


def readable_memberships(principal: Principal) -> QuerySet[Membership]:
    """Return the memberships in organizations that the principal sees."""
    if principal.reaches(Resource.ORGANIZATION, Operation.VIEW, Scope.GLOBAL):
        return Membership.all()
    if not principal.may(Resource.ORGANIZATION, Operation.VIEW):
        return Membership.filter(id__in=[])
    return Membership.filter(organization_id__in=sorted(principal.organization_ids))


def can_create(principal: Principal) -> Verdict:
    """Can the principal found an organization?"""
    allowed = principal.reaches(Resource.ORGANIZATION, Operation.CREATE, Scope.GLOBAL)
    return allowed or "Only an operator founds organizations."


def can_manage(principal: Principal, organization: Organization, membership: Membership | None) -> Verdict:
    """Can the principal, who holds `membership` there if any, add and remove members?"""
    if principal.reaches(Resource.ORGANIZATION, Operation.EDIT, Scope.GLOBAL):
        return True
    is_admin = membership is not None and membership.role == "admin"
    return is_admin or f"Only an administrator of {organization.name} manages its members."
