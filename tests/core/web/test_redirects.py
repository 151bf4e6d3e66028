"""The open-redirect guard accepts paths on the same host and nothing else."""

import pytest

from core.web.redirects import safe_redirect_path

FOREIGN = [
    "//evil.test", "///evil.test", "/\\evil.test", "\\/evil.test", "\\\\evil.test", "https:evil.test", "http:evil.test",
    "https://evil.test", "evil.test", "@evil.test", "javascript:alert(1)", "",
]  # fmt: skip
UNPRINTABLE = [
    "/a\tb", "/\t/evil.test", "/\n/evil.test", "\t//evil.test", "/a\r\nSet-Cookie: a=b", "/a\0", " /a", "/a\u2028b",
]  # fmt: skip
PLATFORM = ["/.carrel/", "/.carrel/enter?ticket=x", "/.carrel/state"]
KEPT = [
    "/", "/a/b?c=d#e", "/a%2f..%2fb?x=%0d%0a", "/@x", "/a//b", "/https://evil.test", "/enter?session=sx&next=%2Fdesk",
    "/.carrel", "/.carrels/x",
]  # fmt: skip


@pytest.mark.parametrize("text", [*FOREIGN, *UNPRINTABLE, *PLATFORM])
def test_unsafe_path_is_refused(text: str) -> None:
    assert safe_redirect_path(text) is None


def test_missing_path_is_refused() -> None:
    assert safe_redirect_path(None) is None


@pytest.mark.parametrize("text", KEPT)
def test_path_on_same_host_is_kept(text: str) -> None:
    assert safe_redirect_path(text) == text


@pytest.mark.parametrize(
    ("text", "quoted"),
    [('/"><script>', "/%22%3E%3Cscript%3E"), ("/a b", "/a%20b"), ("/é", "/%C3%A9"), ("/{x}|`", "/%7Bx%7D%7C%60")],
)
def test_unsafe_characters_are_quoted_once(text: str, quoted: str) -> None:
    assert safe_redirect_path(text) == quoted
    assert safe_redirect_path(quoted) == quoted
