"""The API's pages escape every value, and carry the shared style."""

import pytest

from core.web.branding import BRAND, STYLE
from schema.http.html import message_page, sign_in_form, user_bar

HOSTILE = "\"'><script>alert(1)</script>&"


@pytest.mark.parametrize(
    "page",
    [sign_in_form(HOSTILE), sign_in_form("/", HOSTILE), message_page(HOSTILE, HOSTILE), user_bar(HOSTILE)],
    ids=["redirect", "problem", "message", "user name"],
)
def test_page_escapes_hostile_values(page: str) -> None:
    assert "<script>" not in page
    assert "&#34;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;" in page


def test_pages_have_style_and_brand() -> None:
    for page in (sign_in_form("/"), message_page("Title", "Sentence.")):
        assert f"<style>{STYLE}</style>" in page
        assert BRAND in page
        assert page.startswith("<!doctype html>\n")


def test_sign_in_form_keeps_redirect_and_names_fields() -> None:
    page = sign_in_form("/enter?a=b")

    assert '<input type="hidden" name="next" value="/enter?a=b">' in page
    assert 'name="username" autocomplete="username"' in page
    assert 'type="password" autocomplete="current-password"' in page
    assert 'role="alert"' not in page


def test_problem_is_announced() -> None:
    assert '<p role="alert">Wrong password.</p>' in sign_in_form("/", "Wrong password.")
