"""What a browser needs beside GraphQL: signing in and out, and the way into a session."""

import hashlib
from datetime import timedelta
from html import escape
from urllib.parse import urlencode, urlsplit

from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from core.errors import CarrelError, Forbidden, NotFound
from models.accounts.history import ActorKind
from models.accounts.users import TokenKind, User
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.services.accounts import authentication, users
from models.services.sessions.session_access import may_enter
from models.sessions.sessions import Session
from resolvers.app_state import House
from schema.http.authentication import Credentials
from schema.http.html import page

# Not "no-referrer": with it browsers send `Origin: null` with our own form, which would be refused as another site's.
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY"}
CODE_SECONDS = 86_400


async def mint_sign_in_code(redis: Redis, user_id: int, code: str) -> None:
    """Let `code` sign the user in once, within a day."""
    await redis.set(_code_key(code), str(user_id), ex=CODE_SECONDS)


def _code_key(code: str) -> str:
    return f"carrel:sign-in:{hashlib.sha256(code.encode()).hexdigest()}"


def own_path(text: str | None) -> str:
    """Return the text if it is a path on this host and nothing else, else the front page."""
    if not text or not text.isprintable() or "\\" in text or not text.startswith("/") or text.startswith("//"):
        return "/"
    parts = urlsplit(text)
    return "/" if parts.scheme or parts.netloc else text


class Browser:
    """The pages and forms of the API's own host."""

    def __init__(self, house: House, credentials: Credentials) -> None:
        """Sign people in with cookies that `credentials` reads."""
        self._house, self._credentials = house, credentials

    async def sign_in_page(self, request: Request) -> Response:
        """Show the form; a one-time code in the address signs in at once."""
        code = request.query_params.get("code")
        goal = own_path(request.query_params.get("next"))
        if code is None:
            return _form(goal)
        user = await self._spend(code)
        if user is None:
            return _form(goal, "This link was used before or is too old; sign in with your password.", 403)
        return await self._signed_in(user, goal)

    async def sign_in(self, request: Request) -> Response:
        """Take name and password from the form."""
        _refuse_foreign(request)
        form = await request.form()
        goal = own_path(str(form.get("next", "")))
        try:
            user = await users.sign_in(
                str(form.get("username", "")), str(form.get("password", "")), self._house.settings
            )
        except CarrelError as error:
            return _form(goal, error.message, error.status)
        return await self._signed_in(user, goal)

    async def sign_out(self, request: Request) -> Response:
        """End the browser's token; whatever was opened with it is closed."""
        _refuse_foreign(request)
        token = await authentication.live_token(request.cookies.get(self._credentials.cookie, ""))
        if token is not None:
            await users.revoke(token, actor=Actor(ActorKind.USER, token.user_id), cause="signed out")
        answer = RedirectResponse("/sign-in", 303, HEADERS)
        answer.delete_cookie(self._credentials.cookie, path="/")
        return answer

    async def enter(self, request: Request) -> Response:
        """Send the creator of a session back to its host with a ticket bound to their browser."""
        query = request.query_params
        token = await authentication.live_token(request.cookies.get(self._credentials.cookie, ""))
        if token is None or token.kind is not TokenKind.BROWSER:
            return RedirectResponse(f"/sign-in?{urlencode({'next': f'/enter?{request.url.query}'})}", 303, HEADERS)
        label, state = query.get("session", ""), query.get("state", "")
        if not await self._may_enter(await authentication.principal_of(token), label) or len(state) != 64:
            return await not_found(request, NotFound("There is no such session, or it is not yours."))
        ticket = await self._house.doors.mint_ticket(token.user_id, token.id, label, state)
        address = self._house.settings.session_address(label)
        goal = urlencode({"ticket": ticket, "next": own_path(query.get("next"))})
        return RedirectResponse(f"{address}/.carrel/enter?{goal}", 303, HEADERS)

    @staticmethod
    async def _may_enter(principal: Principal, label: str) -> bool:
        session = await Session.get_or_none(label=label[:63]) if label.isalnum() else None
        return session is not None and await may_enter(principal, session)

    async def _spend(self, code: str) -> User | None:
        held = await self._house.redis.getdel(_code_key(code))
        return await User.get_or_none(id=int(held), is_active=True) if held else None

    async def _signed_in(self, user: User, goal: str) -> Response:
        lifetime = timedelta(hours=self._house.settings.browser_hours)
        _, minted = await users.mint_token(
            user.id, TokenKind.BROWSER, actor=Actor(ActorKind.USER, user.id), lifetime=lifetime, name="browser"
        )
        answer = RedirectResponse(goal, 303, HEADERS)
        answer.set_cookie(
            self._credentials.cookie,
            minted.text,
            max_age=int(lifetime.total_seconds()),
            path="/",
            secure=urlsplit(self._house.settings.api_url).scheme == "https",
            httponly=True,
            samesite="lax",
        )
        return answer


async def not_found(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Show an error of ours as a page."""
    message = error.message if isinstance(error, CarrelError) else "There is nothing here."
    status = error.status if isinstance(error, CarrelError) else 404
    return HTMLResponse(page("Not here", f"<p>{escape(message)}</p>"), status, HEADERS)


async def plain_error(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Show an error of ours as one sentence."""
    if not isinstance(error, CarrelError):
        raise error
    return PlainTextResponse(error.message + "\n", error.status, HEADERS)


def _refuse_foreign(request: Request) -> None:
    """Refuse a form that another site's page sent."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    same = origin is None or urlsplit(origin).netloc == host
    if site not in (None, "same-origin", "none") or not same:
        raise Forbidden("This form was sent from another site; open our own page.")


def _form(goal: str, problem: str | None = None, status: int = 200) -> Response:
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    body = (
        f'{alert}<form method="post" action="/sign-in"><input type="hidden" name="next" value="{escape(goal)}">'
        '<label>User name<input name="username" autocomplete="username" required autofocus></label>'
        '<label>Password<input name="password" type="password" autocomplete="current-password" required></label>'
        "<button>Sign in</button></form>"
    )
    return HTMLResponse(page("Sign in", body), status, HEADERS)
