"""The prose check reports sentences of docstrings and descriptions that break a rule."""

from pathlib import Path

import pytest

from scripts import check_names, check_prose
from scripts.check_prose import fault, main

SDL = "schema/schema.graphql"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an empty schema and one module."""
    for module in (check_names, check_prose):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    for place, text in ((SDL, "type Query { node: ID }\n"), ("core/rows.py", '"""Rows of the database."""\n')):
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).write_text(text)
    return tmp_path


def test_project_in_plain_prose_passes(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ('"""Rows, held in memory."""\n', 1),
        ('\ndef read():\n    """Return what is held."""\n', 2),
        ('\n\nclass Row:\n    async def read(self):\n        """Wait for a row that is held."""\n', 4),
    ],
)
def test_banned_word_in_a_docstring_is_reported(
    tree: Path, capsys: pytest.CaptureFixture[str], code: str, line: int
) -> None:
    (tree / "core" / "rows.py").write_text(code)

    assert main() == 1
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith(f"core/rows.py:{line}: has 'held': ")
    assert "1 sentences to rewrite: subject, verb, object" in last


def test_banned_word_in_a_description_is_reported(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / SDL).write_text('type Query {\n  """\n  Whoever asks.\n  """\n  node: ID\n}\n')

    assert main() == 1
    assert capsys.readouterr().err.startswith(f"{SDL}:2: begins with 'Whoever': Whoever asks.")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Who may read.", "begins with 'Who'"),
        ("What a row has.", "begins with 'What'"),
        ("Of each row one.", "begins with 'Of'"),
        ("Return a row. It is Told later.", "has 'Told'"),
        ("Wait so long as it runs.", "has 'so long as'"),
        ("A row is put off.", "has 'put off'"),
        ("Putting off a job.", "has 'Putting off'"),
    ],
)
def test_fault_is_named(text: str, reason: str) -> None:
    assert fault(text) == reason


@pytest.mark.parametrize("text", ["", "Offers a row.", "Whole rows.", "Return the threshold.", "Put an offer."])
def test_similar_words_are_fine(text: str) -> None:
    assert fault(text) is None


def test_string_that_is_no_docstring_is_not_checked(tree: Path) -> None:
    (tree / "core" / "rows.py").write_text('"""Rows."""\n\nANSWER = "Whoever asks is told."\n')

    assert main() == 0
