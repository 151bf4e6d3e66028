"""The executor fits the installed graphql-core, whose methods it overrides."""

import inspect
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.execution.breadth_first import BreadthFirstExecutor
from schema.execution.executor import GuardedExecutor

ROOT = Path(__file__).resolve().parents[3]
BASE = StrawberryGraphQLCoreExecutionContext
OVERRIDDEN = [
    (owner, name)
    for owner in (BreadthFirstExecutor, GuardedExecutor)
    for name in vars(owner)
    if inspect.isfunction(vars(owner)[name]) and not name.startswith("__") and hasattr(BASE, name)
]


def test_executor_overrides_methods_of_graphql_core() -> None:
    names = {name for _, name in OVERRIDDEN}

    assert names == {"build_per_event_executor", "complete_iterable_value", "execute_field", "execute_fields"}


@pytest.mark.parametrize(("owner", "name"), OVERRIDDEN, ids=[name for _, name in OVERRIDDEN])
def test_overridden_method_takes_the_same_parameters(owner: type, name: str) -> None:
    own = inspect.signature(getattr(owner, name)).parameters
    base = inspect.signature(getattr(BASE, name)).parameters

    assert [(each.name, each.kind) for each in own.values()] == [(each.name, each.kind) for each in base.values()]


def test_graphql_core_is_capped_and_fits() -> None:
    lines = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (requirement,) = (each for each in map(Requirement, lines) if each.name == "graphql-core")

    assert any(each.operator in {"<", "=="} for each in requirement.specifier)
    assert version("graphql-core") in requirement.specifier
