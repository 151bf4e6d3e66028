"""Nobody gives or takes what they do not hold, and nobody changes what they hold themselves."""

from collections.abc import Iterable

from models.accounts.roles import OBJECT_ROLES, ObjectRole, Rule, Scope
from models.permissions.principal import Principal
from models.policies.row_access import M, Reach, is_held_for
from models.policies.verdicts import Verdict

OWN = "Nobody changes what they hold themselves; ask somebody else who may."


async def missing(principal: Principal, rules: Iterable[Rule], organization_id: int | None) -> str:
    """Name a rule that the principal does not hold for this organization at least as widely; empty if there is none."""
    for rule in sorted(rules):
        if not principal.holds(rule, organization_id) and not await _shares(principal, rule, organization_id):
            return f"You do not hold {rule} there, so you can neither give nor take it."
    return ""


async def _shares(principal: Principal, rule: Rule, organization_id: int | None) -> bool:
    """Say whether it holds the rule for a partner: what reaches the partner's own partners it does not."""
    return rule.scope is Scope.ORGANIZATION and await is_held_for(organization_id, principal, rule.permission)


async def can_give_on(principal: Principal, reach: Reach[M], row: M, role: ObjectRole) -> Verdict:
    """Can the principal give or take the object role? Only if it may do all of it on this row itself."""
    for permission in sorted(OBJECT_ROLES[role]):
        if not await reach.covers(principal, permission.operation, row, permission.resource):
            return f"You do not hold {permission} on it, so you can neither give nor take {role}."
    return True
