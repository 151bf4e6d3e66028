"""Who sees organizations and manages their members."""

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.accounts.organizations import MemberRole, Membership, Organization
from models.accounts.roles import Operation, Resource
from models.permissions.principal import Principal
from models.permissions.rules import MEMBER_ROLES
from models.policies.delegation import OWN, missing
from models.policies.row_access import Joined, Of, Only, Reach
from models.policies.verdicts import Verdict

ORGANIZATIONS = Reach(
    Organization, Resource.ORGANIZATION, own=(Only(Operation.VIEW, Joined("id")),), organization=(Of("id"),)
)
MEMBERSHIPS = Reach(Membership, Resource.MEMBERSHIP, organization=(Of("organization_id"),))
MEMBERS = Reach(Organization, Resource.MEMBERSHIP, organization=(Of("id"),))
"""The same permission, asked of the organization itself."""


def readable(principal: Principal) -> QuerySet[Organization]:
    """Return all organizations, or those that the principal is a member of."""
    return ORGANIZATIONS.rows(principal, Operation.VIEW)


def readable_memberships(principal: Principal) -> QuerySet[Membership]:
    """Return the principal's own memberships, and those in organizations whose people it may see."""
    others = Q(id__in=Subquery(MEMBERSHIPS.rows(principal, Operation.VIEW).values("id")))
    own = Q(user_id=principal.user_id, organization_id__in=Subquery(readable(principal).values("id")))
    return Membership.filter(own | others)


def can_create(principal: Principal) -> Verdict:
    """Can the principal found an organization?"""
    allowed = principal.may(Resource.ORGANIZATION, Operation.CREATE)
    return allowed or "Only an operator founds organizations."


def can_manage(principal: Principal, organization: Organization) -> Verdict:
    """Can the principal add and remove members?"""
    allowed = MEMBERS.spans(principal, Operation.EDIT, organization)
    return allowed or f"Only an administrator of {organization.name} manages its members."


async def can_change_member(
    principal: Principal, organization: Organization, user_id: int, *roles: MemberRole
) -> Verdict:
    """Can the principal give a member role, or take one? Not from themselves, and not more than they hold there."""
    verdict = can_manage(principal, organization)
    if verdict is not True:
        return verdict
    if user_id == principal.user_id:
        return OWN
    rules = frozenset().union(*(MEMBER_ROLES[role] for role in roles))
    return await missing(principal, rules, organization.id) or True
