"""Authenticates requests by the Authorization header or the browser cookie, with CSRF protection for the cookie."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from core.clock import now
from core.errors import Unauthenticated
from core.messaging.event_bus import EventBus
from core.web.csrf import check_cookie_request
from models.accounts.tokens import Token
from models.permissions.principal import Principal
from models.services.accounts.principal_cache import PrincipalCache

SCHEMES = frozenset({"bearer", "token"})
RECHECK_SECONDS = 30.0


def cookie_name(api_url: str) -> str:
    """Return the name of the browser cookie. The `__Host-` prefix keeps sibling hosts from setting it."""
    return "__Host-carrel-browser" if urlsplit(api_url).scheme == "https" else "carrel-browser"


class RequestAuthenticator:
    """Finds the caller of a request and watches for the revocation of the caller's token."""

    def __init__(self, api_url: str, bus: EventBus, closing: asyncio.Event) -> None:
        """Accept cookies set for `api_url`. Streams end when `closing` is set."""
        self.cookie = cookie_name(api_url)
        self._bus, self._closing, self._principals = bus, closing, PrincipalCache(bus)

    async def refresh(self, principal: Principal) -> Principal:
        """Return the caller with current permissions; Unauthenticated if the credential has ended."""
        return await self._principals.refresh(principal)

    async def principal_of(self, connection: HTTPConnection) -> Principal | None:
        """Return the caller, or None without a credential; Unauthenticated if the credential is invalid."""
        # The header has precedence: an invalid header is refused even if the cookie is valid.
        header = connection.headers.get("authorization")
        if header is not None:
            scheme, _, text = header.partition(" ")
            if scheme.lower() not in SCHEMES:
                raise Unauthenticated("Send the token as `Authorization: Bearer …`.")
            return await self._principals.from_bearer_token(text.strip())
        cookie = connection.cookies.get(self.cookie)
        if cookie is None:
            return None
        # The handshake checks a WebSocket's origin.
        if connection.scope["type"] != "websocket":
            check_cookie_request(connection.scope["method"], connection.headers)
        return await self._principals.from_browser_cookie(cookie)

    async def until_revoked(self, principal: Principal) -> None:
        """Return when the caller's token is revoked or expired, its user is deactivated, or this process shuts down."""
        ends = [asyncio.ensure_future(self._wait_until_ended(principal)), asyncio.ensure_future(self._closing.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()

    async def _wait_until_ended(self, principal: Principal) -> None:
        if principal.token_id is None:
            await asyncio.Event().wait()  # Without a token there is nothing to revoke: wait until cancelled.
        async with self._bus.subscribe(f"token:{principal.token_id}", f"user:{principal.user_id}") as listener:
            while (seconds := await _seconds_left(principal)) > 0:
                # The event bus may lose messages during a Redis outage, so the token is rechecked at intervals too.
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(seconds, RECHECK_SECONDS)):
                        await listener.wait()


async def _seconds_left(principal: Principal) -> float:
    """Return the remaining lifetime of the caller's token: 0 if it has ended, one day if it never expires."""
    token = await Token.get_or_none(id=principal.token_id).select_related("user")
    if token is None or not token.is_live(now()) or not token.user.is_active:
        return 0.0
    return (token.expires_at - now()).total_seconds() if token.expires_at else 86_400.0
