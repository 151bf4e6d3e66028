"""The registry has the policies of every domain, however the modules are imported."""

import subprocess
import sys

import pytest

from models.accounts.roles import Resource
from models.policies import registry
from models.policies.authorization import ACTION_RULES, Action

FIRST_IMPORTS = [
    "models.policies.accounts.grants",
    "models.policies.accounts.history",
    "models.policies.sessions.domain",
    "models.policies.authorization",
]
USE = "from models.policies import registry; print(len(registry.grantable()), len(registry.history_conditions()))"


def test_every_action_has_one_rule_in_order() -> None:
    assert list(ACTION_RULES) == list(Action)
    assert sum(len(policies.actions) for policies in registry.domain_policies()) == len(Action)


def test_shared_tables_are_those_with_object_roles() -> None:
    assert set(registry.grantable()) == {Resource.WORKSTATION, Resource.DATASESSION}


@pytest.mark.parametrize("first", FIRST_IMPORTS)
def test_registry_is_complete_after_any_first_import(first: str) -> None:
    expected = f"{len(registry.grantable())} {len(registry.history_conditions())}"

    found = subprocess.run([sys.executable, "-c", f"import {first}; {USE}"], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == expected


def test_action_without_rule_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "DOMAINS", ("accounts", "data"))
    registry.domain_policies.cache_clear()
    try:
        with pytest.raises(LookupError, match="needs one rule"):
            registry.action_rules.__wrapped__()
    finally:
        registry.domain_policies.cache_clear()
