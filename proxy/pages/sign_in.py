"""Browser sign-in at a session's host: redirect to the API, redeem the one-time ticket, set a host-only cookie."""

import asyncio
import hashlib
import logging
import secrets
from urllib.parse import quote, quote_from_bytes

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core import clock
from core.web.redirects import safe_redirect_path
from proxy.access.sessions import Decision
from proxy.config import ProxyOptions
from proxy.directory import AccessGrant, SessionDirectory
from proxy.pages import html
from proxy.pages.context import PageContext, context_of

log = logging.getLogger(__name__)

STATE_COOKIE_SECONDS = 600
STATE_LENGTH = 32
OWNER_DECISIONS = (Decision.ADMITTED, Decision.WAITING, Decision.ENDED)
"""Decisions of a valid grant at the caller's own session, whatever its state."""


def state_hash(state: str) -> str:
    """Return the hash of a browser's state cookie; the API binds the ticket to it and never sees the state."""
    return hashlib.sha256(state.encode()).hexdigest() if state else ""


class SignInPages:
    """The pages on the way into sessions, for one proxy."""

    def __init__(self, directory: SessionDirectory, options: ProxyOptions) -> None:
        self.directory = directory
        self.options = options

    async def answer(self, request: Request) -> Response:
        """Answer a request that is not relayed, by its decision."""
        context = context_of(request)
        if context.decision is Decision.NO_SESSION_HOST:
            return html.no_session_host()
        if context.decision is Decision.SIGN_IN:
            return self._to_sign_in(request, context) if context.is_navigation else html.sign_in_required()
        return html.PAGES.get(context.decision, html.not_found)(context, self.options)

    async def state(self, request: Request) -> Response:
        """Return the session's progress; the script of the starting page polls it."""
        context = context_of(request)
        session = context.session
        if context.decision not in OWNER_DECISIONS or session is None:
            return await self.answer(request)
        progress = {
            "state": str(session.state),
            "heading": html.heading(session),
            "sentence": html.progress_sentence(session),
            "queuePosition": session.queue_position,
            "ready": context.decision is Decision.ADMITTED,
            "ended": context.decision is Decision.ENDED,
            "reason": session.reason,
        }
        return JSONResponse(progress, headers=html.COMMON_HEADERS)

    async def enter(self, request: Request) -> Response:
        """Redeem a ticket once for a cookie, and redirect to the path that was asked for."""
        context = context_of(request)
        if context.label is None:
            return html.no_session_host()
        if request.method != "GET":  # Starlette routes HEAD too; a link preview must not redeem the ticket.
            return Response(status_code=405, headers={"Allow": "GET"})
        path = safe_redirect_path(request.query_params.get("next", ""))
        if context.decision in OWNER_DECISIONS:
            return self._redirect(context, path)
        state = request.cookies.get(self.options.state_cookie_name, "")
        # Without the state a link could sign a browser in to the session of its sender.
        if context.is_navigation and not state:
            message = "This link was made for another browser; open the session itself."
            return html.ticket_refused(context, self.options, message)
        try:
            async with asyncio.timeout(self.options.directory_timeout):
                return await self._redeem(request.query_params.get("ticket", ""), context, state, path)
        except Exception:
            log.exception("Could not redeem a ticket: the session directory does not answer.")
            return html.unavailable(context, self.options)

    async def _redeem(self, ticket: str, context: PageContext, state: str, path: str | None) -> Response:
        label = context.label or ""
        grant = await self.directory.redeem_ticket(ticket, label, state_hash(state)) if ticket else None
        if grant is None:
            message = "This link was used before, is too old, or was made for another browser."
            return html.ticket_refused(context, self.options, message)
        response = self._redirect(context, path or await self._initial_path(label))
        self._set_entry_cookie(response, grant, await self.directory.issue_cookie(grant, label))
        return response

    async def _initial_path(self, label: str) -> str | None:
        session = await self.directory.session_info(label)
        return safe_redirect_path("/" + session.initial_path.lstrip("/")) if session is not None else None

    def _redirect(self, context: PageContext, path: str | None) -> Response:
        session = context.session
        initial = safe_redirect_path("/" + session.initial_path.lstrip("/")) if session is not None else None
        return Response(status_code=303, headers={**html.COMMON_HEADERS, "Location": path or initial or "/"})

    def _to_sign_in(self, request: Request, context: PageContext) -> Response:
        """Redirect a browser to the API's sign-in; a state that it already has is kept, for its other tabs."""
        state = request.cookies.get(self.options.state_cookie_name, "")
        if not (state.isalnum() and len(state) == STATE_LENGTH):
            state = secrets.token_hex(STATE_LENGTH // 2)
        query = f"session={quote(context.label or '')}&next={quote_from_bytes(context.target, safe='')}"
        location = f"{self.options.api_url}/enter?{query}&state={state_hash(state)}"
        response = Response(status_code=303, headers={**html.COMMON_HEADERS, "Location": location})
        self._set_cookie(response, self.options.state_cookie_name, state, STATE_COOKIE_SECONDS)
        return response

    def _set_entry_cookie(self, response: Response, grant: AccessGrant, value: str) -> None:
        left = int((grant.expires_at - clock.now()).total_seconds())
        self._set_cookie(response, self.options.cookie_name, value, left)

    def _set_cookie(self, response: Response, name: str, value: str, seconds: int) -> None:
        # Lax, not Strict: the browser comes back from the API's site by a navigation.
        response.set_cookie(
            name, value, max_age=max(0, seconds), path="/", secure=self.options.is_secure, httponly=True, samesite="lax"
        )
