"""The proxy's pages escape what users named, and their policy allows their own style and script."""

import base64
import hashlib
import re
from types import SimpleNamespace

import pytest
from starlette.responses import Response

from proxy.access.sessions import Decision
from proxy.config import ProxyOptions
from proxy.pages import html
from proxy.pages.context import PageContext

OPTIONS = ProxyOptions("http://platform.test:8080", "http", "sessions.test", 8081)
HOSTILE = "\"'><script>alert(1)</script>&"
ESCAPED = "&#34;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;"


def _context(
    state: str, *, title: str = "Viewer", reason: str | None = None, position: int | None = None
) -> PageContext:
    session = SimpleNamespace(
        session_id=1, label="s1", state=state, creator_id=1, http=None, websocket=None, initial_path="/",
        reason=reason, expires_at=None, title=title, queue_position=position,
    )  # fmt: skip
    return PageContext("s1", Decision.WAITING, session, True, b"/")


def _text(response: Response) -> str:
    return bytes(response.body).decode()


@pytest.mark.parametrize("state", ["queued", "starting"])
def test_starting_page_escapes_title(state: str) -> None:
    page = _text(html.starting(_context(state, title=HOSTILE), OPTIONS))

    assert "<script>alert" not in page
    assert page.count(ESCAPED) == 2, "in the title and in the heading"


def test_ended_page_escapes_title_and_reason() -> None:
    page = _text(html.ended(_context("failed", title=HOSTILE, reason=HOSTILE), OPTIONS))

    assert "<script>" not in page
    assert page.count(ESCAPED) == 2


def test_refused_ticket_escapes_message() -> None:
    assert ESCAPED in _text(html.ticket_refused(_context("running"), OPTIONS, HOSTILE))


def test_link_escapes_address() -> None:
    response = html.notice("Title", "Sentence.", status=404, options=OPTIONS, link=html.Link('/"onclick="x', "Go"))

    assert '<p><a class="button" href="/&#34;onclick=&#34;x">Go</a></p>' in _text(response)


@pytest.mark.parametrize(
    ("state", "done"), [("queued", []), ("starting", ["Waiting"]), ("running", ["Waiting", "Starting"]), ("odd", [])]
)
def test_starting_page_marks_current_step(state: str, done: list[str]) -> None:
    page = _text(html.starting(_context(state), OPTIONS))

    assert re.findall(r'<li class="done">(\w+)</li>', page) == done
    assert re.findall(r'<li aria-current="step">(\w+)</li>', page) == [html.STEPS.get(state, "Waiting")]


def test_policy_has_digests_of_style_and_script() -> None:
    response = html.starting(_context("queued", position=2), OPTIONS)

    for tag in ("style", "script"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", _text(response), re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in response.headers["content-security-policy"]
