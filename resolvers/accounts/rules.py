"""Resolvers of permission rules: parse them, and decide whether the caller may take an action."""

from core.errors import BadInput
from models.accounts.roles import Rule
from models.permissions.principal import Principal
from models.policies import PolicyDecision
from models.policies.authorization import ACTION_RULES, Action, authorize

MAX_RULES = 500


def parse_rules(texts: list[str], path: str) -> frozenset[Rule]:
    """Return the rules that clients wrote as texts; BadInput with the first one that does not exist."""
    if len(texts) > MAX_RULES:
        raise BadInput(f"Give at most {MAX_RULES} rules.", path=(path,))
    rules = set()
    for text in texts:
        try:
            rules.add(Rule.parse(text))
        except ValueError:
            raise BadInput(f"There is no rule {text[:96]!r}. `rules` lists all rules.", path=(path,)) from None
    return frozenset(rules)


async def why_not(principal: Principal, action: Action, key: int | None) -> PolicyDecision:
    """Return whether the caller may take the action on the object, or the reason why not."""
    rows = ACTION_RULES[action].readable_rows
    if rows is None:
        return await authorize(principal, action)
    if key is None:
        raise BadInput(f"The action {action.name} needs an object. Give its id.", path=("id",))
    row = await rows(principal).get_or_none(id=key)
    if row is None:
        return "This object does not exist, or you may not see it."
    return await authorize(principal, action, row)
