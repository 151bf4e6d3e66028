"""The HTML pages at a session's host, and their JSON counterparts for programs."""

import base64
import hashlib
import html
from pathlib import Path
from string import Template

from starlette.responses import HTMLResponse, JSONResponse, Response

from core.web.branding import BRAND, STYLE
from proxy.access.sessions import Decision
from proxy.config import ProxyOptions
from proxy.directory import SessionInfo
from proxy.pages.context import PageContext

TEMPLATES = Path(__file__).parent / "templates"
PAGE = Template((TEMPLATES / "page.html").read_text("utf-8"))
POLLING = (TEMPLATES / "starting.js").read_text("utf-8")
COMMON_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
RETRY_SECONDS = 2
"""When a client should ask again for a session that is starting, or while the platform is down."""

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


# Digests instead of 'unsafe-inline': a page has this one style and at most this one script.
POLICY = (
    f"default-src 'none'; style-src {_digest(STYLE)}; script-src {_digest(POLLING)}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)


def page(
    title: str, body: str, *, status: int, options: ProxyOptions, tail: str = "", retry: int | None = None
) -> Response:
    """Return a page; `body` and `tail` are HTML, the title is text."""
    text = PAGE.substitute(title=html.escape(title), style=STYLE, brand=BRAND, body=body, tail=tail)
    policy = f"{POLICY}; {options.frame_ancestors}"
    response = HTMLResponse(text, status, {**COMMON_HEADERS, "Content-Security-Policy": policy})
    if retry is not None:
        response.headers["Retry-After"] = str(retry)
    return response


def json_error(code: str, message: str, *, status: int, retry: int | None = None, **details: object) -> Response:
    """Return the counterpart of a page for programs: a stable code and a sentence."""
    response = JSONResponse({"code": code, "message": message, **details}, status, COMMON_HEADERS)
    if retry is not None:
        response.headers["Retry-After"] = str(retry)
    return response


def paragraph(text: str, kind: str = "") -> str:
    """Return text as an HTML paragraph."""
    attribute = f' class="{kind}"' if kind else ""
    return f"<p{attribute}>{html.escape(text)}</p>"


def link(href: str, text: str) -> str:
    """Return a paragraph with one link that looks like a button."""
    return f'<p><a class="button" href="{html.escape(href)}">{html.escape(text)}</a></p>'


def progress_sentence(session: SessionInfo) -> str:
    """Return the sentence on how far a session is on its way to running."""
    position = session.queue_position
    if position is not None:
        return "It is next in line." if position == 1 else f"It is number {position} in line."
    return STATE_SENTENCES.get(session.state, "It is not ready yet.")


def heading(session: SessionInfo | None) -> str:
    """Return the heading of the starting page."""
    title = session.title if session else "Your session"
    return f"{title} waits in line" if session and session.state == "queued" else f"{title} is starting"


def progress_steps(state: str) -> str:
    """Return the steps from the queue to a running session, with the present one marked."""
    order = list(STEPS)
    at = order.index(state) if state in order else 0
    marks = [' class="done"' if number < at else "" for number in range(len(order))]
    marks[at] = ' aria-current="step"'
    items = "".join(f"<li{mark}>{name}</li>" for mark, name in zip(marks, STEPS.values(), strict=True))
    return f'<ol class="steps">{items}</ol>'


def starting(context: PageContext, options: ProxyOptions) -> Response:
    """Return the page that waits for a session and then opens the path that was asked for."""
    session = context.session
    state = str(session.state) if session else "starting"
    if not context.is_navigation:
        message = "This session is not running yet."
        position = session.queue_position if session else None
        return json_error(
            "SESSION_NOT_RUNNING", message, status=424, retry=RETRY_SECONDS, state=state, queuePosition=position
        )
    sentence = html.escape(progress_sentence(session) if session else STATE_SENTENCES[state])
    body = f'<p id="state" role="status">{sentence}</p>{progress_steps(state)}'
    body += paragraph("This page opens the session as soon as it is ready.", "quiet")
    tail = f'<noscript><meta http-equiv="refresh" content="3"></noscript><script>{POLLING}</script>'
    return page(heading(session), body, status=503, options=options, tail=tail, retry=RETRY_SECONDS)


def ended(context: PageContext, options: ProxyOptions) -> Response:
    """Return the page that says that the session is over, and why."""
    session = context.session
    state = str(session.state) if session else "stopped"
    reason = (session.reason if session else None) or ENDED_SENTENCES.get(state, "Its time is over.")
    if not context.is_navigation:
        return json_error("SESSION_ENDED", "This session has ended.", status=410, state=state, reason=reason)
    title = session.title if session else "Your session"
    body = paragraph(reason) + paragraph(f"It was a session of {title}.", "quiet")
    body += link(options.api_url, "Start a new session")
    return page(ENDED_TITLES.get(state, "This session has ended"), body, status=410, options=options)


def not_found(context: PageContext, options: ProxyOptions) -> Response:
    """Return one page for sessions that do not exist and for those of other users, which must look alike."""
    message = "There is no such session, or you may not see it."
    if not context.is_navigation:
        return json_error("NOT_FOUND", message, status=404)
    body = paragraph(message) + link(options.api_url, "Go to your sessions")
    return page("No session here", body, status=404, options=options)


def unavailable(context: PageContext, options: ProxyOptions) -> Response:
    """Return the page for requests whose access cannot be checked now."""
    message = "The platform does not answer just now; try again in a moment."
    if not context.is_navigation:
        return json_error("UNAVAILABLE", message, status=503, retry=RETRY_SECONDS)
    return page("Try again in a moment", paragraph(message), status=503, options=options, retry=RETRY_SECONDS)


def unreachable(context: PageContext, options: ProxyOptions) -> Response:
    """Return the page for a running session whose container gave no valid response."""
    message = "The session is running, but its program did not answer."
    if not context.is_navigation:
        return json_error("SESSION_UNREACHABLE", message, status=502)
    return page("The session did not answer", paragraph(message) + link("", "Try again"), status=502, options=options)


def ticket_refused(context: PageContext, options: ProxyOptions, message: str) -> Response:
    """Return the page for a ticket that cannot be redeemed."""
    if not context.is_navigation:
        return json_error("TICKET_REFUSED", message, status=403)
    body = paragraph(message) + link("/", "Open the session")
    return page("This link does not work", body, status=403, options=options)


def sign_in_required() -> Response:
    """Return the response for a program, which cannot sign in on a page."""
    message = "Sign in first, or send a valid token of the session's owner."
    response = json_error("UNAUTHENTICATED", message, status=401)
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


def no_session_host() -> Response:
    """Return the response at a host that belongs to no session."""
    return json_error("NOT_FOUND", "No session has this address.", status=404)


PAGES = {
    Decision.WAITING: starting,
    Decision.ENDED: ended,
    Decision.NOT_FOUND: not_found,
    Decision.UNAVAILABLE: unavailable,
    Decision.UNREACHABLE: unreachable,
}
