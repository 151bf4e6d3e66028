"""The listed tables are complete, and core does not know them."""

import re
from importlib import import_module
from inspect import getmembers, isclass

from tortoise.models import Model

from models.tables import TABLES
from tests.tree import ROOT, name

DOMAINS = ("models/accounts", "models/data", "models/sessions")


def test_every_module_with_a_table_is_listed() -> None:
    paths = [name(path).removesuffix(".py").replace("/", ".") for path in (ROOT / "models").rglob("*.py")]
    below = tuple(f"{domain.replace('/', '.')}." for domain in DOMAINS)
    defining = {path for path in paths if path.startswith(below) and _tables_of(path)}

    assert defining == {path for path in TABLES.modules if path.startswith("models.")}


def _tables_of(module: str) -> list[str]:
    found = getmembers(import_module(module), isclass)
    return [each for each, kind in found if issubclass(kind, Model) and kind.__module__ == module]


def test_core_names_no_module_of_models() -> None:
    naming = [name(path) for path in (ROOT / "core").rglob("*.py") if re.search(r"[\"']models\.", path.read_text())]

    assert not naming, "Pass it in, as models/tables.py does."
