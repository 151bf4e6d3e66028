"""Authorization: the permission and the policy check of an action. Resolvers check every mutation here."""

from inspect import isawaitable

from tortoise.models import Model

from models.permissions.principal import Principal
from models.policies import PolicyDecision
from models.policies.actions import Action
from models.policies.registry import action_rules

__all__ = ["ACTION_RULES", "Action", "authorize"]

ACTION_RULES = action_rules()


async def authorize(principal: Principal, action: Action, row: Model | None = None, *details: object) -> PolicyDecision:
    """Return True if the principal may take the action on the row with these details, else the reason."""
    rule = ACTION_RULES[action]
    arguments = (row, *details) if rule.readable_rows is not None else details
    pending = rule.check(principal, *arguments)
    decision = await pending if isawaitable(pending) else pending
    # A check decides by row and role. The action's own permission is required in any case.
    if decision is True and not principal.has_permission(*rule.permission):
        return f"You do not have {rule.permission}."
    return decision
