"""The base image of the examples is kept while it is fresh, and made anew when its recipe or the month is another."""

import importlib.util
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import docker.errors
import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "base" / "bootstrap.py"
NOVEMBER, LATER, DECEMBER = date(2026, 11, 2), date(2026, 11, 30), date(2026, 12, 1)


class Registry:
    """An engine as far as the script uses one; `online` says whether its registry answers."""

    def __init__(self) -> None:
        self.tags: dict[str, int] = {}
        self.pulls = 0
        self.online = True

    def inspect_image(self, name: str) -> int:
        if name not in self.tags:
            raise docker.errors.ImageNotFound(name)
        return self.tags[name]

    def pull(self, name: str, tag: str, **_: Any) -> Iterator[dict[str, str]]:
        self.pulls += 1
        if not self.online:
            raise docker.errors.APIError("no registry answers")
        self.tags[f"{name}:{tag}"] = self.pulls
        return iter(())

    def tag(self, source: str, name: str, tag: str) -> bool:
        self.tags[f"{name}:{tag}"] = self.tags[source]
        return True

    def images(self, name: str) -> list[dict[str, list[str]]]:
        return [{"RepoTags": [tag]} for tag in self.tags if tag.startswith(f"{name}:")]

    def remove_image(self, tag: str, *, noprune: bool) -> None:
        del self.tags[tag]


@pytest.fixture
def bootstrap() -> ModuleType:
    """The script, as a module that nobody else has."""
    found = importlib.util.spec_from_file_location("bootstrap_of_examples", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_a_fresh_one_is_kept_and_next_month_it_is_made_anew(bootstrap: ModuleType) -> None:
    registry, said = Registry(), list[str]()

    for today, pulls in ((NOVEMBER, 1), (LATER, 1), (DECEMBER, 2), (DECEMBER, 2)):
        bootstrap.ensure_base(registry, said.append, today)
        assert registry.pulls == pulls

    assert registry.tags[bootstrap.BASE] == 2
    marks = [tag for tag in registry.tags if tag.startswith(f"{bootstrap.BASE}-")]
    assert marks == [f"{bootstrap.NAME}:{bootstrap.fresh_tag(DECEMBER)}"]


def test_one_that_somebody_left_there_is_not_taken_for_fresh(bootstrap: ModuleType) -> None:
    registry = Registry()
    registry.tags[bootstrap.BASE] = 0

    bootstrap.ensure_base(registry, lambda _: None, NOVEMBER)

    assert registry.tags[bootstrap.BASE] == 1


def test_another_recipe_is_another_image(bootstrap: ModuleType) -> None:
    registry = Registry()
    bootstrap.ensure_base(registry, lambda _: None, NOVEMBER)
    before = bootstrap.fresh_tag(NOVEMBER)

    bootstrap.PACKAGES += ",libgomp1"
    bootstrap.ensure_base(registry, lambda _: None, NOVEMBER)

    assert registry.pulls == 2
    assert bootstrap.fresh_tag(NOVEMBER) != before


@pytest.fixture
def helpless(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script where no program is installed and nothing can be."""
    monkeypatch.setenv("PATH", "/nowhere")
    return bootstrap


def test_where_none_can_be_made_the_old_one_is_used_and_it_is_said(helpless: ModuleType) -> None:
    registry, said = Registry(), list[str]()
    helpless.ensure_base(registry, said.append, NOVEMBER)
    registry.online = False

    helpless.ensure_base(registry, said.append, DECEMBER)

    assert registry.tags[helpless.BASE] == 1
    assert "though it is not fresh" in said[-1]


def test_where_there_is_none_at_all_it_is_said_what_to_do(helpless: ModuleType) -> None:
    registry = Registry()
    registry.online = False

    with pytest.raises(SystemExit, match="install mmdebstrap"):
        helpless.ensure_base(registry, lambda _: None, NOVEMBER)
