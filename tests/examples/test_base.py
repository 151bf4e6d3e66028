"""The base image of the examples is kept while it is fresh, and rebuilt for another recipe or month."""

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


class FakeEngine:
    """A fake of the engine's API; `online` controls whether its registry is reachable."""

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
    """The script, as a module of its own."""
    found = importlib.util.spec_from_file_location("bootstrap_of_examples", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_image_is_kept_for_a_month(bootstrap: ModuleType) -> None:
    engine, reports = FakeEngine(), list[str]()

    for today, pulls in ((NOVEMBER, 1), (LATER, 1), (DECEMBER, 2), (DECEMBER, 2)):
        bootstrap.ensure_base(engine, reports.append, today)
        assert engine.pulls == pulls

    assert engine.tags[bootstrap.BASE] == 2
    marks = [tag for tag in engine.tags if tag.startswith(f"{bootstrap.BASE}-")]
    assert marks == [f"{bootstrap.NAME}:{bootstrap.fresh_tag(DECEMBER)}"]


def test_image_without_fresh_tag_is_replaced(bootstrap: ModuleType) -> None:
    engine = FakeEngine()
    engine.tags[bootstrap.BASE] = 0

    bootstrap.ensure_base(engine, lambda _: None, NOVEMBER)

    assert engine.tags[bootstrap.BASE] == 1


def test_another_recipe_rebuilds_the_image(bootstrap: ModuleType) -> None:
    engine = FakeEngine()
    bootstrap.ensure_base(engine, lambda _: None, NOVEMBER)
    before = bootstrap.fresh_tag(NOVEMBER)

    bootstrap.PACKAGES += ",libgomp1"
    bootstrap.ensure_base(engine, lambda _: None, NOVEMBER)

    assert engine.pulls == 2
    assert bootstrap.fresh_tag(NOVEMBER) != before


@pytest.fixture
def without_tools(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script on a machine without mmdebstrap and apt-get."""
    monkeypatch.setenv("PATH", "/nowhere")
    return bootstrap


def test_old_image_is_used_if_build_fails(without_tools: ModuleType) -> None:
    engine, reports = FakeEngine(), list[str]()
    without_tools.ensure_base(engine, reports.append, NOVEMBER)
    engine.online = False

    without_tools.ensure_base(engine, reports.append, DECEMBER)

    assert engine.tags[without_tools.BASE] == 1
    assert "although it is not fresh" in reports[-1]


def test_failure_without_any_image_names_the_remedy(without_tools: ModuleType) -> None:
    engine = FakeEngine()
    engine.online = False

    with pytest.raises(SystemExit, match="install mmdebstrap"):
        without_tools.ensure_base(engine, lambda _: None, NOVEMBER)
