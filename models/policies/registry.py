"""The policies of all domains together: their actions, the tables that can be shared, and the readers of the history.

Each domain declares `POLICIES` in its `domain.py`. The registry imports these modules at its first use, so that the
policies of accounts see the later domains without importing them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from tortoise.expressions import Q

from models.accounts.roles import Permission, Resource
from models.permissions.principal import Principal
from models.policies.actions import Action, ActionRule
from models.policies.row_access import RowAccess

DOMAINS = ("accounts", "data", "sessions")
"""The domains with policies. A new domain is added here."""
HistoryCondition = Callable[[Principal, Permission], Q]
"""Returns which history entries a principal can read because of the objects that they are about."""


@dataclass(frozen=True, kw_only=True)
class DomainPolicies:
    """The rules of a domain's actions, its tables that can be shared, and its conditions for reading the history."""

    actions: Mapping[Action, ActionRule]
    grantable: Sequence[RowAccess[Any]] = ()
    history: Sequence[HistoryCondition] = ()


@cache
def domain_policies() -> tuple[DomainPolicies, ...]:
    """Return the policies of every domain, in the order of DOMAINS."""
    return tuple(import_module(f"models.policies.{name}.domain").POLICIES for name in DOMAINS)


@cache
def action_rules() -> Mapping[Action, ActionRule]:
    """Return the rule of every action, in the order of `Action`. LookupError if an action has no rule, or several."""
    declared = [(action, rule) for policies in domain_policies() for action, rule in policies.actions.items()]
    rules = dict(declared)
    if len(rules) != len(declared) or rules.keys() != set(Action):
        raise LookupError("Each action needs one rule, in the `domain.py` of its domain.")
    return {action: rules[action] for action in Action}


@cache
def grantable() -> Mapping[Resource, RowAccess[Any]]:
    """Return the tables whose rows can be shared, by resource."""
    return {table.resource: table for policies in domain_policies() for table in policies.grantable}


@cache
def history_conditions() -> tuple[HistoryCondition, ...]:
    """Return the conditions of all domains for reading the history."""
    return tuple(condition for policies in domain_policies() for condition in policies.history)
