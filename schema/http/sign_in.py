"""Browser endpoints: sign-in, sign-out, and the redirect that opens a session with a one-time ticket."""

import hashlib
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from core.errors import CarrelError, NotFound
from core.web.csrf import check_form
from core.web.redirects import PLATFORM_PATH, safe_redirect_path
from models.accounts.history import ActorKind
from models.accounts.tokens import TokenKind
from models.accounts.users import User
from models.permissions.principal import Actor, Principal
from models.services.accounts import authentication, tokens, users
from models.services.sessions.session_access import can_enter
from models.sessions.sessions import Session
from resolvers.app_state import AppState
from schema.http.authentication import RequestAuthenticator
from schema.http.html import message_page, sign_in_form

# Not "no-referrer": with it browsers send `Origin: null` for same-origin forms, which the origin check would refuse.
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY"}
SIGN_IN_CODE_SECONDS = 86_400


async def mint_sign_in_code(redis: Redis, user_id: int, code: str) -> None:
    """Store `code`, which signs the user in once within a day."""
    await redis.set(_code_key(code), str(user_id), ex=SIGN_IN_CODE_SECONDS)


def _code_key(code: str) -> str:
    # Redis stores only the hash, so that a dump of Redis contains no usable code.
    return f"carrel:sign-in:{hashlib.sha256(code.encode()).hexdigest()}"


class SignInEndpoints:
    """The sign-in pages and forms of the API's host."""

    def __init__(self, app_state: AppState, authenticator: RequestAuthenticator) -> None:
        """Sign users in with cookies that `authenticator` accepts."""
        self._app_state, self._authenticator = app_state, authenticator

    async def sign_in_page(self, request: Request) -> Response:
        """Return the form, or sign in at once if the URL has a one-time code."""
        code = request.query_params.get("code")
        redirect_to = safe_redirect_path(request.query_params.get("next")) or "/"
        if code is None:
            return _sign_in_form(redirect_to)
        user = await self._redeem_code(code)
        if user is None:
            return _sign_in_form(
                redirect_to, "This link was already used or has expired; sign in with your password.", 403
            )
        return await self._start_browser_session(user, redirect_to)

    async def sign_in(self, request: Request) -> Response:
        """Sign in with the name and password of the form."""
        check_form(request.headers)
        form = await request.form()
        redirect_to = safe_redirect_path(str(form.get("next", ""))) or "/"
        try:
            user = await users.sign_in(
                str(form.get("username", "")), str(form.get("password", "")), self._app_state.settings
            )
        except CarrelError as error:
            return _sign_in_form(redirect_to, error.message, error.status)
        return await self._start_browser_session(user, redirect_to)

    async def sign_out(self, request: Request) -> Response:
        """Revoke the browser's token, which ends its streams and session connections."""
        check_form(request.headers)
        token = await authentication.find_live_token(request.cookies.get(self._authenticator.cookie, ""))
        if token is not None:
            await tokens.revoke(token, actor=Actor(ActorKind.USER, token.user_id), cause="signed out")
        response = RedirectResponse("/sign-in", 303, HEADERS)
        response.delete_cookie(self._authenticator.cookie, path="/")
        return response

    async def enter(self, request: Request) -> Response:
        """Redirect the session's creator to the session's host with a ticket bound to the browser."""
        query = request.query_params
        token = await authentication.find_live_token(request.cookies.get(self._authenticator.cookie, ""))
        if token is None or token.kind is not TokenKind.BROWSER:
            return RedirectResponse(f"/sign-in?{urlencode({'next': f'/enter?{request.url.query}'})}", 303, HEADERS)
        label, state = query.get("session", ""), query.get("state", "")
        if not await self._can_enter(await authentication.principal_for_token(token), label) or len(state) != 64:
            # The same page for missing and foreign sessions, so that labels cannot be probed.
            return await not_found(request, NotFound("The session does not exist or is not yours."))
        ticket = await self._app_state.session_access.mint_ticket(token.user_id, token.id, label, state)
        address = self._app_state.settings.session_address(label)
        parameters = urlencode({"ticket": ticket, "next": safe_redirect_path(query.get("next")) or "/"})
        return RedirectResponse(f"{address}{PLATFORM_PATH}enter?{parameters}", 303, HEADERS)

    @staticmethod
    async def _can_enter(principal: Principal, label: str) -> bool:
        session = await Session.get_or_none(label=label[:63]) if label.isalnum() else None
        return session is not None and await can_enter(principal, session)

    async def _redeem_code(self, code: str) -> User | None:
        user_id = await self._app_state.redis.getdel(_code_key(code))
        return await User.get_or_none(id=int(user_id), is_active=True) if user_id else None

    async def _start_browser_session(self, user: User, redirect_to: str) -> Response:
        lifetime = timedelta(hours=self._app_state.settings.browser_hours)
        _, minted = await tokens.mint(
            user.id, TokenKind.BROWSER, actor=Actor(ActorKind.USER, user.id), lifetime=lifetime, name="browser"
        )
        response = RedirectResponse(redirect_to, 303, HEADERS)
        response.set_cookie(
            self._authenticator.cookie,
            minted.text,
            max_age=int(lifetime.total_seconds()),
            path="/",
            secure=urlsplit(self._app_state.settings.api_url).scheme == "https",
            httponly=True,
            samesite="lax",
        )
        return response


async def not_found(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Return an error as an HTML page."""
    message = error.message if isinstance(error, CarrelError) else "This page does not exist."
    status = error.status if isinstance(error, CarrelError) else 404
    return HTMLResponse(message_page("Not found", message), status, HEADERS)


async def text_error(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Return an error as one sentence of plain text."""
    if not isinstance(error, CarrelError):
        raise error
    return PlainTextResponse(error.message + "\n", error.status, HEADERS)


def _sign_in_form(redirect_to: str, problem: str | None = None, status: int = 200) -> Response:
    return HTMLResponse(sign_in_form(redirect_to, problem), status, HEADERS)
