"""How one comes in: to the platform for a ticket, back with it, and on with a cookie of this host alone."""

import asyncio
import hashlib
import logging
import secrets
from urllib.parse import quote, quote_from_bytes, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core import clock
from proxy.access.admission import Verdict
from proxy.config import Options
from proxy.directory import Doors, Entry
from proxy.pages import html
from proxy.pages.context import Visit, visit_of

log = logging.getLogger(__name__)

STATE_SECONDS = 600
INSIDE = (Verdict.ADMITTED, Verdict.WAITING, Verdict.ENDED)
SAFE = "/?:@!$&'()*+,;=-._~%#[]"


def state_hash(state: str) -> str:
    """Return what the platform learns of a browser's state cookie: enough to bind a ticket to it."""
    return hashlib.sha256(state.encode()).hexdigest() if state else ""


def own_path(text: str) -> str | None:
    """Return the text if it is a path on this host and nothing else."""
    plain = text.isprintable() and "\\" not in text
    if not plain or not text.startswith("/") or text.startswith(("//", "/.carrel/")):
        return None
    parts = urlsplit(text)
    return None if parts.scheme or parts.netloc else quote(text, safe=SAFE)


class EntryPages:
    """The entry of one proxy, over its doors."""

    def __init__(self, doors: Doors, options: Options) -> None:
        self.doors = doors
        self.options = options

    async def answer(self, request: Request) -> Response:
        """Answer what is not relayed, by its verdict."""
        visit = visit_of(request)
        if visit.verdict is Verdict.ELSEWHERE:
            return html.nothing_here(request)
        if visit.verdict is Verdict.SIGN_IN:
            return self._to_platform(request, visit) if visit.navigates else html.sign_in_first()
        return html.BY_VERDICT.get(visit.verdict, html.unknown)(visit, self.options)

    async def state(self, request: Request) -> Response:
        """Tell the starting page how far the session is."""
        visit = visit_of(request)
        if visit.verdict not in INSIDE or visit.desk is None:
            return await self.answer(request)
        session = {
            "state": str(visit.desk.state),
            "heading": html.heading(visit.desk),
            "sentence": html.sentence(visit.desk),
            "place": visit.desk.place,
            "ready": visit.verdict is Verdict.ADMITTED,
            "ended": visit.verdict is Verdict.ENDED,
            "reason": visit.desk.reason,
        }
        return JSONResponse(session, headers=html.COMMON)

    async def enter(self, request: Request) -> Response:
        """Spend a ticket for a cookie, once, and go on to the path that was asked for."""
        visit = visit_of(request)
        if visit.label is None:
            return html.nothing_here(request)
        if request.method != "GET":
            return Response(status_code=405, headers={"Allow": "GET"})
        goal = own_path(request.query_params.get("next", ""))
        if visit.verdict in INSIDE:
            return self._onward(visit, goal)
        state = request.cookies.get(self.options.state_cookie_name, "")
        if visit.navigates and not state:
            return html.refused(visit, self.options, "This link was made for another browser; open the session itself.")
        try:
            async with asyncio.timeout(self.options.doors_timeout):
                return await self._redeem(request.query_params.get("ticket", ""), visit, state, goal)
        except Exception:
            log.exception("A ticket could not be looked up.")
            return html.unavailable(visit, self.options)

    async def _redeem(self, ticket: str, visit: Visit, state: str, goal: str | None) -> Response:
        label = visit.label or ""
        entry = await self.doors.redeem_ticket(ticket, label, state_hash(state)) if ticket else None
        if entry is None:
            return html.refused(
                visit, self.options, "This link was used before, is too old, or was made for another browser."
            )
        answer = self._onward(visit, goal or await self._initial_path(label))
        self._give(answer, entry, await self.doors.seal(entry, label))
        return answer

    async def _initial_path(self, label: str) -> str | None:
        desk = await self.doors.desk(label)
        return own_path("/" + desk.initial_path.lstrip("/")) if desk is not None else None

    def _onward(self, visit: Visit, goal: str | None) -> Response:
        first = own_path("/" + visit.desk.initial_path.lstrip("/")) if visit.desk is not None else None
        return Response(status_code=303, headers={**html.COMMON, "Location": goal or first or "/"})

    def _give(self, answer: Response, entry: Entry, value: str) -> None:
        left = int((entry.expires_at - clock.now()).total_seconds())
        self._set_cookie(answer, self.options.cookie_name, value, left)

    def _to_platform(self, request: Request, visit: Visit) -> Response:
        """Send a browser to sign in; a state it already has is kept, for its other tabs."""
        state = request.cookies.get(self.options.state_cookie_name, "")
        if not (state.isalnum() and len(state) == 32):
            state = secrets.token_hex(16)
        query = f"session={quote(visit.label or '')}&next={quote_from_bytes(visit.target, safe='')}"
        location = f"{self.options.api_url}/enter?{query}&state={state_hash(state)}"
        answer = Response(status_code=303, headers={**html.COMMON, "Location": location})
        self._set_cookie(answer, self.options.state_cookie_name, state, STATE_SECONDS)
        return answer

    def _set_cookie(self, answer: Response, name: str, value: str, seconds: int) -> None:
        answer.set_cookie(
            name, value, max_age=max(0, seconds), path="/", secure=self.options.secure, httponly=True, samesite="lax"
        )
