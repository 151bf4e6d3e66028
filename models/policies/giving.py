"""Nobody gives or takes what they do not hold, and nobody changes what they hold themselves."""

from collections.abc import Iterable

from models.access import OBJECT_ROLES, ObjectRole, Rule
from models.policies.reach import M, Reach
from models.policies.verdicts import Verdict
from models.principal import Principal

OWN = "Nobody changes what they hold themselves; ask somebody else who may."


def missing(principal: Principal, rules: Iterable[Rule], organization_id: int | None) -> str:
    """Name a rule that the principal does not hold for this organization at least as widely; empty if there is none."""
    lacking = next((rule for rule in sorted(rules) if not principal.holds(rule, organization_id)), None)
    return f"You do not hold {lacking} there, so you can neither give nor take it." if lacking else ""


async def can_give_on(principal: Principal, reach: Reach[M], row: M, role: ObjectRole) -> Verdict:
    """Can the principal give or take the object role? Only if it may do all of it on this row itself."""
    for permission in sorted(OBJECT_ROLES[role]):
        if not await reach.covers(principal, permission.operation, row, permission.resource):
            return f"You do not hold {permission} on it, so you can neither give nor take {role}."
    return True
