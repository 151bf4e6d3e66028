"""Policies of organizations and their members."""

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.accounts.organizations import MemberRole, Membership, Organization
from models.accounts.roles import PermissionVerb, Resource
from models.permissions.principal import Principal
from models.permissions.rules import MEMBER_ROLE_RULES
from models.policies import PolicyDecision
from models.policies.delegation import CANNOT_CHANGE_OWN, missing_rule
from models.policies.row_access import ForVerb, InOrganization, MemberOf, RowAccess

ORGANIZATIONS = RowAccess(
    Organization,
    Resource.ORGANIZATION,
    own=(ForVerb(PermissionVerb.VIEW, MemberOf("id")),),
    organization=(InOrganization("id"),),
)
MEMBERSHIPS = RowAccess(Membership, Resource.MEMBERSHIP, organization=(InOrganization("organization_id"),))
MEMBERS = RowAccess(Organization, Resource.MEMBERSHIP, organization=(InOrganization("id"),))
"""The membership permissions, checked on the organization instead of a membership."""


def readable(principal: Principal) -> QuerySet[Organization]:
    """Return the organizations that the principal can see: all, or those that it is a member of."""
    return ORGANIZATIONS.rows(principal, PermissionVerb.VIEW)


def readable_memberships(principal: Principal) -> QuerySet[Membership]:
    """Return the principal's own memberships, and those in organizations whose members it can see."""
    others = Q(id__in=Subquery(MEMBERSHIPS.rows(principal, PermissionVerb.VIEW).values("id")))
    own = Q(user_id=principal.user_id, organization_id__in=Subquery(readable(principal).values("id")))
    return Membership.filter(own | others)


def can_create(principal: Principal) -> PolicyDecision:
    """Return whether the principal can create organizations."""
    allowed = principal.has_permission(Resource.ORGANIZATION, PermissionVerb.CREATE)
    return allowed or "Only an operator can create organizations."


def can_manage(principal: Principal, organization: Organization) -> PolicyDecision:
    """Return whether the principal can add and remove members."""
    allowed = MEMBERS.allows_without_query(principal, PermissionVerb.EDIT, organization)
    return allowed or f"Only an administrator of {organization.name} can manage its members."


async def can_change_member(
    principal: Principal, organization: Organization, user_id: int, *roles: MemberRole
) -> PolicyDecision:
    """Return whether the principal can set these roles. It must have their rules, and cannot change its own role."""
    decision = can_manage(principal, organization)
    if decision is not True:
        return decision
    if user_id == principal.user_id:
        return CANNOT_CHANGE_OWN
    rules = frozenset().union(*(MEMBER_ROLE_RULES[role] for role in roles))
    return await missing_rule(principal, rules, organization.id) or True
