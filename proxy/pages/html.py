"""The HTML pages at a session's host, and their JSON counterparts for programs."""

import base64
import hashlib
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup
from starlette.responses import HTMLResponse, JSONResponse, Response

from core.web.branding import STYLE
from core.web.templates import load_templates
from proxy.access.sessions import Decision
from proxy.config import ProxyOptions
from proxy.directory import SessionInfo
from proxy.pages.context import PageContext

FOLDER = Path(__file__).parent / "templates"
TEMPLATES = load_templates(FOLDER)
POLLING = (FOLDER / "starting.js").read_text("utf-8")
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


class Link(NamedTuple):
    """A link that looks like a button."""

    href: str
    text: str


def page(
    template: str, title: str, *, status: int, options: ProxyOptions, retry: int | None = None, **values: object
) -> Response:
    """Return a page from a template with its values."""
    text = TEMPLATES.get_template(template).render(values, title=title)
    policy = f"{POLICY}; {options.frame_ancestors}"
    response = HTMLResponse(text, status, {**COMMON_HEADERS, "Content-Security-Policy": policy})
    if retry is not None:
        response.headers["Retry-After"] = str(retry)
    return response


def notice(
    title: str,
    message: str,
    *,
    status: int,
    options: ProxyOptions,
    note: str | None = None,
    link: Link | None = None,
    retry: int | None = None,
) -> Response:
    """Return a page with a sentence, and a quiet note and a link if they are given."""
    return page(
        "notice.html", title, status=status, options=options, retry=retry, message=message, note=note, link=link
    )


def json_error(code: str, message: str, *, status: int, retry: int | None = None, **details: object) -> Response:
    """Return the counterpart of a page for programs: a stable code and a sentence."""
    response = JSONResponse({"code": code, "message": message, **details}, status, COMMON_HEADERS)
    if retry is not None:
        response.headers["Retry-After"] = str(retry)
    return response


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
    sentence = progress_sentence(session) if session else STATE_SENTENCES[state]
    order = list(STEPS)
    return page(
        "starting.html",
        heading(session),
        status=503,
        options=options,
        retry=RETRY_SECONDS,
        sentence=sentence,
        steps=STEPS.values(),
        position=order.index(state) if state in order else 0,
        polling=Markup(POLLING),  # noqa: S704 - our own file
    )


def ended(context: PageContext, options: ProxyOptions) -> Response:
    """Return the page that says that the session is over, and why."""
    session = context.session
    state = str(session.state) if session else "stopped"
    reason = (session.reason if session else None) or ENDED_SENTENCES.get(state, "Its time is over.")
    if not context.is_navigation:
        return json_error("SESSION_ENDED", "This session has ended.", status=410, state=state, reason=reason)
    title = session.title if session else "Your session"
    return notice(
        ENDED_TITLES.get(state, "This session has ended"),
        reason,
        status=410,
        options=options,
        note=f"It was a session of {title}.",
        link=Link(options.api_url, "Start a new session"),
    )


def not_found(context: PageContext, options: ProxyOptions) -> Response:
    """Return one page for sessions that do not exist and for those of other users, which must look alike."""
    message = "There is no such session, or you may not see it."
    if not context.is_navigation:
        return json_error("NOT_FOUND", message, status=404)
    link = Link(options.api_url, "Go to your sessions")
    return notice("No session here", message, status=404, options=options, link=link)


def unavailable(context: PageContext, options: ProxyOptions) -> Response:
    """Return the page for requests whose access cannot be checked now."""
    message = "The platform does not answer just now; try again in a moment."
    if not context.is_navigation:
        return json_error("UNAVAILABLE", message, status=503, retry=RETRY_SECONDS)
    return notice("Try again in a moment", message, status=503, options=options, retry=RETRY_SECONDS)


def unreachable(context: PageContext, options: ProxyOptions) -> Response:
    """Return the page for a running session whose container gave no valid response."""
    message = "The session is running, but its program did not answer."
    if not context.is_navigation:
        return json_error("SESSION_UNREACHABLE", message, status=502)
    return notice("The session did not answer", message, status=502, options=options, link=Link("", "Try again"))


def ticket_refused(context: PageContext, options: ProxyOptions, message: str) -> Response:
    """Return the page for a ticket that cannot be redeemed."""
    if not context.is_navigation:
        return json_error("TICKET_REFUSED", message, status=403)
    link = Link("/", "Open the session")
    return notice("This link does not work", message, status=403, options=options, link=link)


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
