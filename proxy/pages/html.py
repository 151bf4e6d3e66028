"""The pages at a session's host that are ours, and the same news for programs as JSON."""

import base64
import hashlib
import html
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from core.web.branding import BRAND, STYLE
from proxy.access.admission import Verdict
from proxy.config import Options
from proxy.directory import Desk
from proxy.pages.context import Visit

TEMPLATES = Path(__file__).parent / "templates"
PAGE = Template((TEMPLATES / "page.html").read_text("utf-8"))
POLLING = (TEMPLATES / "starting.js").read_text("utf-8")
COMMON = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}

STEPS = {"queued": "Waiting", "starting": "Starting", "running": "Ready"}
STATE_SENTENCES = {
    "queued": "It is waiting for its turn.",
    "starting": "Its container is starting.",
    "running": "It is ready.",
}
ENDED_SENTENCES = {"stopping": "It was stopped.", "stopped": "It was stopped.", "failed": "Its container ended."}
ENDED_TITLES = {
    "stopping": "This session is stopping",
    "failed": "This session failed",
    "expired": "This session's time is over",
}


def _digest(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


POLICY = (
    f"default-src 'none'; style-src {_digest(STYLE)}; script-src {_digest(POLLING)}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)


def page(title: str, body: str, *, status: int, options: Options, tail: str = "", retry: int | None = None) -> Response:
    """Return a page; `body` and `tail` are HTML already, the title is text."""
    text = PAGE.substitute(title=html.escape(title), style=STYLE, brand=BRAND, body=body, tail=tail)
    policy = f"{POLICY}; frame-ancestors 'self' {options.api_url}"
    answer = HTMLResponse(text, status, {**COMMON, "Content-Security-Policy": policy})
    if retry is not None:
        answer.headers["Retry-After"] = str(retry)
    return answer


def news(code: str, message: str, *, status: int, retry: int | None = None, **details: object) -> Response:
    """Return the same for a program: a stable code and a sentence."""
    answer = JSONResponse({"code": code, "message": message, **details}, status, COMMON)
    if retry is not None:
        answer.headers["Retry-After"] = str(retry)
    return answer


def paragraph(text: str, kind: str = "") -> str:
    """Return text as an HTML paragraph."""
    attribute = f' class="{kind}"' if kind else ""
    return f"<p{attribute}>{html.escape(text)}</p>"


def link(href: str, text: str) -> str:
    """Return a paragraph with one link that looks like a button."""
    return f'<p><a class="button" href="{html.escape(href)}">{html.escape(text)}</a></p>'


def sentence(desk: Desk) -> str:
    """Say how far a session is that will run."""
    if desk.place is not None:
        return "It is next in line." if desk.place == 1 else f"It is number {desk.place} in line."
    return STATE_SENTENCES.get(desk.state, "It is not ready yet.")


def heading(desk: Desk | None) -> str:
    """Say what is not there yet."""
    title = desk.title if desk else "Your session"
    return f"{title} waits in line" if desk and desk.state == "queued" else f"{title} is starting"


def steps(state: str) -> str:
    """Show the way of a session to its readiness, and where on it the session is."""
    order = list(STEPS)
    at = order.index(state) if state in order else 0
    marks = [' class="done"' if number < at else "" for number in range(len(order))]
    marks[at] = ' aria-current="step"'
    items = "".join(f"<li{mark}>{name}</li>" for mark, name in zip(marks, STEPS.values(), strict=True))
    return f'<ol class="steps">{items}</ol>'


def starting(visit: Visit, options: Options) -> Response:
    """Wait for a session that will run, then open the very path that was asked for."""
    state = str(visit.desk.state) if visit.desk else "starting"
    if not visit.navigates:
        place = visit.desk.place if visit.desk else None
        return news(
            "SESSION_NOT_RUNNING", "This session is not running yet.", status=424, retry=2, state=state, place=place
        )
    said = html.escape(sentence(visit.desk) if visit.desk else STATE_SENTENCES[state])
    body = f'<p id="state" role="status">{said}</p>{steps(state)}'
    body += paragraph("This page opens the session as soon as it is ready.", "quiet")
    tail = f'<noscript><meta http-equiv="refresh" content="3"></noscript><script>{POLLING}</script>'
    return page(heading(visit.desk), body, status=503, options=options, tail=tail, retry=2)


def _title(visit: Visit) -> str:
    return visit.desk.title if visit.desk else "Your session"


def ended(visit: Visit, options: Options) -> Response:
    """Say that the session is over, and why."""
    state = str(visit.desk.state) if visit.desk else "stopped"
    reason = (visit.desk.reason if visit.desk else None) or ENDED_SENTENCES.get(state, "Its time is over.")
    if not visit.navigates:
        return news("SESSION_ENDED", "This session has ended.", status=410, state=state, reason=reason)
    body = paragraph(reason) + paragraph(f"It was a session of {_title(visit)}.", "quiet")
    body += link(options.api_url, "Start a new session")
    return page(ENDED_TITLES.get(state, "This session has ended"), body, status=410, options=options)


def unknown(visit: Visit, options: Options) -> Response:
    """Say the same of a session that is not there and of one that is another's."""
    message = "There is no such session, or you may not see it."
    if not visit.navigates:
        return news("NOT_FOUND", message, status=404)
    return page(
        "No session here",
        paragraph(message) + link(options.api_url, "Go to your sessions"),
        status=404,
        options=options,
    )


def unavailable(visit: Visit, options: Options) -> Response:
    """Say that the proxy cannot find out who may come in."""
    message = "The platform does not answer just now; try again in a moment."
    if not visit.navigates:
        return news("UNAVAILABLE", message, status=503, retry=2)
    return page("Try again in a moment", paragraph(message), status=503, options=options, retry=2)


def unreachable(visit: Visit, options: Options) -> Response:
    """Say that the session runs, but that its program gave no usable answer."""
    message = "The session is running, but its program did not answer."
    if not visit.navigates:
        return news("SESSION_UNREACHABLE", message, status=502)
    return page("The session did not answer", paragraph(message) + link("", "Try again"), status=502, options=options)


def refused(visit: Visit, options: Options, message: str) -> Response:
    """Say in one sentence why the way in did not work."""
    if not visit.navigates:
        return news("TICKET_REFUSED", message, status=403)
    return page(
        "This link does not work", paragraph(message) + link("/", "Open the session"), status=403, options=options
    )


def sign_in_first() -> Response:
    """Tell a program, which cannot sign in on a page."""
    message = "Sign in first, or send a valid token of the one whose session this is."
    answer = news("UNAUTHENTICATED", message, status=401)
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def nothing_here(_: Request) -> Response:
    """Say that this host is no session's."""
    return news("NOT_FOUND", "No session has this address.", status=404)


BY_VERDICT = {
    Verdict.WAITING: starting,
    Verdict.ENDED: ended,
    Verdict.UNKNOWN: unknown,
    Verdict.UNAVAILABLE: unavailable,
    Verdict.UNREACHABLE: unreachable,
}
