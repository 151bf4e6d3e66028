"""Who is calling: an Authorization header, else a browser's cookie, which alone no other site can use."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from core.clock import now
from core.errors import Forbidden, Unauthenticated
from core.messaging.event_bus import EventBus
from models.accounts.users import Token
from models.permissions.principal import Principal
from models.services.accounts.principal_cache import Callers
from schema.transport.http_request import CSRF_HEADERS

SCHEMES = frozenset({"bearer", "token"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOOK_AGAIN_SECONDS = 30.0


def cookie_name(api_url: str) -> str:
    """Return the name of the browser's cookie: on https one that no sibling host can set."""
    return "__Host-carrel-browser" if urlsplit(api_url).scheme == "https" else "carrel-browser"


class Credentials:
    """Finds the caller of a request and notices when their credential ends."""

    def __init__(self, api_url: str, bus: EventBus, closing: asyncio.Event) -> None:
        """Take cookies that were set for `api_url`; let streams end when `closing` is set."""
        self.cookie = cookie_name(api_url)
        self._bus, self._closing, self._callers = bus, closing, Callers(bus)

    async def renewed(self, principal: Principal) -> Principal:
        """Return the caller with its rights as they are now; Unauthenticated when its credential has ended."""
        return await self._callers.renewed(principal)

    async def principal_of(self, connection: HTTPConnection) -> Principal | None:
        """Return the caller; None without a credential, Unauthenticated with a wrong one."""
        header = connection.headers.get("authorization")
        if header is not None:
            scheme, _, text = header.partition(" ")
            if scheme.lower() not in SCHEMES:
                raise Unauthenticated("Send the token as `Authorization: Bearer …`.")
            return await self._callers.bearer(text.strip())
        cookie = connection.cookies.get(self.cookie)
        if cookie is None:
            return None
        self._refuse_forgery(connection)
        return await self._callers.browser(cookie)

    @staticmethod
    def _refuse_forgery(connection: HTTPConnection) -> None:
        """Refuse a change that another site's page may have sent with the browser's cookie."""
        if connection.scope["type"] == "websocket" or connection.scope["method"] in SAFE_METHODS:
            return  # A socket's origin was checked at its handshake, and reading from elsewhere is stopped by browsers.
        site = connection.headers.get("sec-fetch-site")
        marked = any(name in connection.headers for name in CSRF_HEADERS)
        if site not in (None, "same-origin", "none") or (site is None and not marked):
            raise Forbidden("With a cookie, changes need the header X-Carrel-CSRF and come from our own pages.")

    async def until_revoked(self, principal: Principal) -> None:
        """Return when the caller's token has ended (revoked, expired, its user deactivated), or this process ends."""
        ends = [asyncio.ensure_future(self._ended(principal)), asyncio.ensure_future(self._closing.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()

    async def _ended(self, principal: Principal) -> None:
        if principal.token_id is None:
            await asyncio.Event().wait()
        async with self._bus.subscribe(f"token:{principal.token_id}", f"user:{principal.user_id}") as hints:
            while (seconds := await _seconds_left(principal)) > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(seconds, LOOK_AGAIN_SECONDS)):
                        await hints.wait()


async def _seconds_left(principal: Principal) -> float:
    """Return how long the caller's token may still live, 0 when it has ended; without an end, a day."""
    token = await Token.get_or_none(id=principal.token_id).select_related("user")
    if token is None or not token.is_live(now()) or not token.user.is_active:
        return 0.0
    return (token.expires_at - now()).total_seconds() if token.expires_at else 86_400.0
