"""Incompatible changes of the schema are refused without a deprecation."""

import subprocess
from datetime import date
from pathlib import Path

import pytest

from scripts.sdl_base import accepted, published
from scripts.sdl_changes import announced, refused

NAME = "schema/schema.graphql"
TODAY = date(2026, 11, 22)
OLD = '''
directive @public on FIELD_DEFINITION
directive @requires(resource: Noun!, verb: Deed!) on FIELD_DEFINITION

"""Nouns."""
enum Noun {
  """A book."""
  BOOK
  """A desk."""
  DESK @deprecated(reason: "Use BOOK. Removal: 2026-11-01.")
}

"""Deeds."""
enum Deed {
  """Read."""
  VIEW
  """Change."""
  EDIT
}

"""A book."""
type Book {
  """Its title."""
  title: String @public
  """What it costs."""
  price(in: String): Int @requires(resource: BOOK, verb: EDIT)
  """Its text."""
  text: String @requires(resource: BOOK, verb: VIEW)
  """Its shelf."""
  shelf: Shelf @public @deprecated(reason: "Use title. Removal: 2026-11-22.")
  """Its colour."""
  colour: String @public @deprecated(reason: "Use title. Removal: 2026-11-23.")
}

"""A shelf."""
type Shelf {
  """Its number."""
  number: Int @public
}

"""Reads."""
type Query {
  """A book."""
  book: Book @public
}
'''


def _refused(*changes: tuple[str, str]) -> list[str]:
    new = OLD
    for before, after in changes:
        assert before in new
        new = new.replace(before, after)
    return [change.where for change in refused(OLD, new, TODAY)]


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        ('  """Its title."""\n  title: String @public\n', "", "Book.title"),
        ("title: String @public", "title: Int @public", "Book.title"),
        ("price(in: String)", "price(in: String, to: Int!)", "Book.price(to:)"),
        ("price(in: String)", "price", "Book.price(in:)"),
        ('  """Read."""\n  VIEW\n', "", "Deed.VIEW"),
        ('  """Its title."""\n', "", "Book.title"),
        ('"""A book."""\ntype', "type", "Book"),
        ("@requires(resource: BOOK, verb: EDIT)", "@public", "Book.price"),
        ("@requires(resource: BOOK, verb: EDIT)", "", "Book.price"),
        ("verb: EDIT)", "verb: VIEW)", "Book.price"),
        ("resource: BOOK, verb: VIEW", "resource: DESK, verb: VIEW", "Book.text"),
        ("title: String @public", "title: String @public\n  isbn: String", "Book.isbn"),
        ("colour: String @public @deprecated", "color: String @public @deprecated", "Book.colour"),
    ],
)
def test_breaking_change_is_refused(before: str, after: str, where: str) -> None:
    assert where in _refused((before, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("title: String @public", "title: String! @public"),
        ("title: String @public", 'title: String @public\n  """New."""\n  isbn: String @public'),
        ("price(in: String)", "price(in: String, to: Int)"),
        ('"""Its title."""', '"""What stands on its cover."""'),
        ("resource: BOOK, verb: VIEW", "resource: BOOK, verb: EDIT"),
        ("title: String @public", "title: String @requires(resource: BOOK, verb: VIEW)"),
    ],
)
def test_additions_and_stricter_guards_pass(before: str, after: str) -> None:
    assert _refused((before, after)) == []


def test_deprecated_field_and_type_can_be_removed() -> None:
    shelf = '  """Its shelf."""\n  shelf: Shelf @public @deprecated(reason: "Use title. Removal: 2026-11-22.")\n'
    desk = '  """A desk."""\n  DESK @deprecated(reason: "Use BOOK. Removal: 2026-11-01.")\n'
    shelves = OLD[OLD.index('"""A shelf."""') : OLD.index('"""Reads."""')]

    assert _refused((shelf, ""), (desk, ""), (shelves, "")) == []


def test_used_type_cannot_be_removed() -> None:
    new = OLD.replace("Shelf", "Rack")

    assert "Shelf" not in {change.where for change in refused(OLD, new, TODAY)}
    assert "Book" in {change.where for change in refused(OLD, OLD.replace("Book", "Volume"), TODAY)}


def test_a_new_value_is_announced_and_passes() -> None:
    new = OLD.replace("  VIEW\n", '  VIEW\n  """Lend."""\n  LEND\n')

    assert refused(OLD, new, TODAY) == []
    assert announced(OLD, new) == ["Enum value Deed.LEND was added."]


def test_accepted_change_has_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "accepted.txt"
    file.write_text("# comment\nBook.title  nobody used it\nBook.text\n")

    assert accepted(file) == {"Book.title"}
    assert accepted(tmp_path / "none.txt") == frozenset()


class TestPublished:
    """The published schema that a change is compared with."""

    @pytest.fixture
    def repository(self, tmp_path: Path) -> Path:
        (tmp_path / "schema").mkdir()
        _git(tmp_path, "init", "--quiet", "--initial-branch=main")
        for number in ("one", "two"):
            _write(tmp_path, number)
            _commit(tmp_path)
        return tmp_path

    def test_without_a_history_there_is_none(self, tmp_path: Path) -> None:
        assert published(tmp_path, NAME) is None

    def test_uncommitted_change_is_compared_with_last_commit(self, repository: Path) -> None:
        _write(repository, "three")

        assert published(repository, NAME) == "two"

    def test_commit_on_main_is_compared_with_previous(self, repository: Path) -> None:
        assert published(repository, NAME) == "one"

    def test_branch_is_compared_with_its_fork_point(self, repository: Path) -> None:
        _git(repository, "checkout", "--quiet", "-b", "work")
        for number in ("three", "four"):
            _write(repository, number)
            _commit(repository)

        assert published(repository, NAME) == "two"


def _write(folder: Path, text: str) -> None:
    (folder / NAME).write_text(text)


def _commit(folder: Path) -> None:
    _git(folder, "add", ".")
    _git(folder, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "change")


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
