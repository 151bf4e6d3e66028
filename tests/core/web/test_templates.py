"""Templates escape their values, fail at missing ones, and have the branding."""

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from core.web.branding import BRAND, LOGO_SVG, STYLE
from core.web.templates import load_templates


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "value.html").write_text("<p>{{ value }}</p>")
    (tmp_path / "value.txt").write_text("{{ value }}")
    (tmp_path / "brand.html").write_text("{{ style }}|{{ brand }}|{{ logo }}")
    return tmp_path


@pytest.mark.parametrize("name", ["value.html", "value.txt"])
def test_value_is_escaped_in_every_file(folder: Path, name: str) -> None:
    text = load_templates(folder).get_template(name).render(value="<b>'\"&")

    assert "&lt;b&gt;&#39;&#34;&amp;" in text


def test_missing_value_is_an_error(folder: Path) -> None:
    with pytest.raises(UndefinedError):
        load_templates(folder).get_template("value.html").render()


def test_templates_have_the_branding(folder: Path) -> None:
    assert load_templates(folder).get_template("brand.html").render() == f"{STYLE}|{BRAND}|{LOGO_SVG}"
