"""The name check reports replaced names with their place and their remedy."""

from pathlib import Path

import pytest

from scripts import check_names
from scripts.check_names import main

SDL = "schema/schema.graphql"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an empty schema."""
    monkeypatch.setattr(check_names, "ROOT", tmp_path)
    write(tmp_path, SDL, "type Query { node: ID }")
    return tmp_path


def write(tree: Path, place: str, text: str = "") -> None:
    path = tree / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_project_without_replaced_names_passes(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tree, "core/batcher.py", "def batch(rows): ...\n")

    assert main() == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("code", "reported"),
    [
        ("class Together: ...", "Together: use BatchLoader"),
        ("class BellServer: ...", "BellServer: instead of 'bell' use function waker"),
        ("def _held_rows(): ...", "held_rows: instead of 'held' use permissions, pinned, owned or a lock's own term"),
        ("async def read(*, patience): ...", "patience: instead of 'patience' use cancellation or time-out"),
        ("chores = []", "chores: instead of 'chores' use periodic tasks"),
        ("class A:\n    def b(self): self.lane = 1", "lane: instead of 'lane' use field reader"),
    ],
)
def test_replaced_name_is_reported(tree: Path, capsys: pytest.CaptureFixture[str], code: str, reported: str) -> None:
    write(tree, "core/rows.py", f"\n{code}\n")

    assert main() == 1
    place, _, rest = capsys.readouterr().err.splitlines()[0].partition(": ")
    assert place in ("core/rows.py:2", "core/rows.py:3")
    assert rest == reported


def test_use_of_a_library_name_is_not_reported(tree: Path) -> None:
    write(tree, "core/rows.py", "import library\n\nlibrary.Together(library.bell)\n")

    assert main() == 0


def test_replaced_module_name_is_reported(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tree, "jobs/belfry.py")

    assert main() == 1
    assert "jobs/belfry.py: belfry: instead of 'belfry' use wake server" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["jobs/importing.py", "jobs/image_importing.py", "jobs/importing/image.py"])
def test_gerund_as_module_name_is_reported(tree: Path, capsys: pytest.CaptureFixture[str], place: str) -> None:
    write(tree, place)

    assert main() == 1
    said = capsys.readouterr().err
    assert said.startswith(f"{place}: ")
    assert "name the module by a noun of the field, not by a gerund" in said


@pytest.mark.parametrize("place", ["resolvers/paging/page.py", "core/signing.py", "tests/waiting.py"])
def test_gerund_of_the_field_or_of_a_test_is_fine(tree: Path, place: str) -> None:
    write(tree, place)

    assert main() == 0


@pytest.mark.parametrize(
    ("definition", "name"),
    [
        ("type Bell { id: ID }", "Bell"),
        ("type Row { desk: ID }", "desk"),
        ("type Row { field(lane: ID): ID }", "lane"),
        ("input RowInput { chore: ID }", "chore"),
        ("enum State { SURRENDER }", "SURRENDER"),
    ],
)
def test_replaced_name_in_the_schema_is_reported(
    tree: Path, capsys: pytest.CaptureFixture[str], definition: str, name: str
) -> None:
    write(tree, SDL, f"type Query {{ node: ID }}\n{definition}\n")

    assert main() == 1
    said = capsys.readouterr().err
    assert said.startswith(f"{SDL}: ")
    assert f": {name}: instead of {name.lower()!r} use " in said


def test_exception_is_respected_in_its_files_only(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check_names, "EXCEPTIONS", {("core/lock*.py", "held"): "a lock's own term"})
    write(tree, "core/lock_table.py", "held_locks = 0\n")
    write(tree, "core/rows.py", "held_rows = 0\n")

    assert main() == 1
    said = capsys.readouterr().err
    assert "core/rows.py:1: held_rows" in said
    assert "lock_table" not in said


@pytest.mark.parametrize(
    "place", ["models/migrations/0001_bell.py", "jobs/node_modules/bell.py", "scripts/old_names.py"]
)
def test_history_and_foreign_code_are_not_checked(tree: Path, place: str) -> None:
    write(tree, place, "bell = 1\n")

    assert main() == 0
