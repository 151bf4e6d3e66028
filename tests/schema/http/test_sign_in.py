"""Tests of browser sign-in, CSRF protection and the redirect into a session."""

from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest

from core.security.passwords import hash_password
from models.accounts.tokens import Token, TokenKind
from models.accounts.users import User
from models.sessions.sessions import Session
from schema.http.sign_in import mint_sign_in_code
from tests.schema.api import COOKIE, CSRF_HEADER, Api

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PASSWORD = "correct horse"
STATE = "a" * 64
VIEWER = {"query": "{ viewer { username } }"}
FOREIGN = ["https://evil.example", "//evil.example", "/\\evil.example", "\\/evil.example", "javascript:alert(1)"]
FOREIGN += ["http:evil.example", "/\t/evil.example", "/\n/evil.example", "evil.example", "", "///evil.example"]
FOREIGN += ["/.carrel/state"]


@pytest.fixture
async def cookie(api: Api) -> dict[str, str]:
    """The cookie header of the guest's browser."""
    return _cookie(await api.sign_in("guest"))


def _cookie(jar: dict[str, str]) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}


async def _password(api: Api, name: str) -> None:
    await User.filter(id=api.people.users[name].id).update(password_hash=await hash_password(PASSWORD))


async def _sign_in(
    api: Api, password: str = PASSWORD, headers: dict[str, str] | None = None, target: str = "/"
) -> httpx.Response:
    form = {"username": "guest", "password": password, "next": target}
    return await api.http.post("/sign-in", data=form, headers=headers)


async def test_front_page_requires_sign_in(api: Api, cookie: dict[str, str]) -> None:
    away = await api.http.get("/")
    assert (away.status_code, away.headers["location"]) == (303, "/sign-in")

    page = await api.http.get("/", headers=cookie)

    assert page.status_code == 200
    assert "graphiql" in page.text
    assert "Signed in as <b>guest</b>" in page.text


async def test_sign_in_sets_an_http_only_cookie(api: Api) -> None:
    await _password(api, "guest")

    answer = await _sign_in(api, target="/enter?session=x")

    assert (answer.status_code, answer.headers["location"]) == (303, "/enter?session=x")
    (set_cookie,) = answer.headers.get_list("set-cookie")
    assert set_cookie.startswith(f"{COOKIE}=carrel_browser_")
    assert {"httponly", "samesite=lax", "path=/"} <= {part.strip().lower() for part in set_cookie.split(";")}
    text = answer.cookies[COOKIE]
    who = await api.http.post("/graphql", json=VIEWER, headers=_cookie({COOKIE: text}) | CSRF_HEADER)
    assert who.json()["data"]["viewer"]["username"] == "guest"


async def test_wrong_password_does_not_reveal_user_names(api: Api) -> None:
    await _password(api, "guest")

    wrong = await _sign_in(api, "wrong horse")
    unknown = await api.http.post("/sign-in", data={"username": "nobody", "password": PASSWORD})

    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.text == unknown.text
    assert "set-cookie" not in wrong.headers


async def test_malformed_form_is_refused(api: Api) -> None:
    for form in ({}, {"username": "a\0b", "password": "x"}, {"username": "x" * 9000, "password": "y" * 9000}):
        assert (await api.http.post("/sign-in", data=form)).status_code == 401


@pytest.mark.parametrize("changes", [{"sign_in_attempts": 2}])
async def test_repeated_failures_lock_the_account(api: Api, changes: dict[str, object]) -> None:
    await _password(api, "guest")
    for _ in range(2):
        assert (await _sign_in(api, "wrong horse")).status_code == 401

    locked = await _sign_in(api)

    assert locked.status_code == 429
    assert "too many wrong passwords" in locked.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
async def test_cross_site_form_is_refused(api: Api, cookie: dict[str, str], headers: dict[str, str]) -> None:
    await _password(api, "guest")

    assert (await _sign_in(api, headers=headers)).status_code == 403
    assert (await api.http.post("/sign-out", headers=headers | cookie)).status_code == 403
    assert await Token.filter(kind=TokenKind.BROWSER, revoked_at=None).count() == 1


async def test_sign_out_revokes_the_cookie(api: Api, cookie: dict[str, str]) -> None:
    answer = await api.http.post("/sign-out", headers=cookie)

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    who = await api.http.post("/graphql", json=VIEWER, headers=cookie | CSRF_HEADER)
    assert who.json()["data"]["viewer"] is None
    assert (await api.http.post("/sign-out", headers=cookie)).status_code == 303


async def test_sign_in_code_works_once(api: Api) -> None:
    await mint_sign_in_code(api.services.redis, api.people.users["guest"].id, "secret")

    first = await api.http.get("/sign-in?code=secret&next=/enter")
    second = await api.http.get("/sign-in?code=secret")

    assert (first.status_code, first.headers["location"]) == (303, "/enter")
    assert (second.status_code, "set-cookie" in second.headers) == (403, False)
    assert (await api.http.get("/sign-in?code=forged")).status_code == 403


async def test_code_of_inactive_user_is_refused(api: Api) -> None:
    await mint_sign_in_code(api.services.redis, api.people.users["guest"].id, "secret")
    await User.filter(id=api.people.users["guest"].id).update(is_active=False)

    assert (await api.http.get("/sign-in?code=secret")).status_code == 403


@pytest.mark.parametrize("target", FOREIGN)
async def test_redirect_to_another_site_is_refused(api: Api, target: str) -> None:
    await _password(api, "guest")
    await mint_sign_in_code(api.services.redis, api.people.users["guest"].id, "secret")

    by_form = await _sign_in(api, target=target)
    by_code = await api.http.get("/sign-in", params={"code": "secret", "next": target})

    assert (by_form.headers["location"], by_code.headers["location"]) == ("/", "/")


@pytest.mark.parametrize("target", ["/", "/enter?session=sx&next=%2Fdesk", "/a//b"])
async def test_redirect_to_own_path_is_kept(api: Api, target: str) -> None:
    await _password(api, "guest")

    assert (await _sign_in(api, target=target)).headers["location"] == target


async def test_pages_forbid_framing_caching_and_referrers(api: Api) -> None:
    page = await api.http.get('/sign-in?next=/"><script>alert(1)</script>')

    assert "<script>" not in page.text
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] in {"no-referrer", "same-origin"}


async def _change(api: Api, headers: dict[str, str]) -> int:
    query = 'mutation { uploadCreate(filename: "a") { upload { id } } }'
    return (await api.http.post("/graphql", json={"query": query}, headers=headers)).status_code


async def test_cookie_without_csrf_header_cannot_mutate(api: Api, cookie: dict[str, str]) -> None:
    assert await _change(api, cookie) == 403, "an old browser, and no mark"
    assert await _change(api, cookie | {"Sec-Fetch-Site": "cross-site"}) == 403
    assert await _change(api, cookie | {"Sec-Fetch-Site": "same-site"} | CSRF_HEADER) == 403, "a session's page"
    assert await _change(api, cookie | {"Origin": "https://evil.example"} | CSRF_HEADER) == 403, "a careless gateway"
    assert await _change(api, cookie | {"Sec-Fetch-Site": "same-origin"}) == 200
    assert await _change(api, cookie | CSRF_HEADER) == 200


async def test_only_browser_token_is_accepted_as_cookie(api: Api) -> None:
    for kind in (TokenKind.API, TokenKind.ENTRY):
        headers = _cookie({COOKIE: await api.people.token("guest", kind)}) | CSRF_HEADER
        answer = await api.http.post("/graphql", json=VIEWER, headers=headers)
        assert answer.json()["data"]["viewer"] is None, kind


async def test_other_authorization_schemes_are_refused(api: Api) -> None:
    text = await api.people.token("guest")
    for scheme, status in (("Bearer", 200), ("Token", 200), ("bearer", 200), ("Basic", 401), ("", 401)):
        answer = await api.http.post("/graphql", json=VIEWER, headers={"Authorization": f"{scheme} {text}".strip()})
        assert answer.status_code == status, scheme
    wrong = await api.http.post("/graphql", json=VIEWER, headers={"Authorization": "Bearer nonsense"})
    assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, "Bearer")


async def test_invalid_header_overrides_valid_cookie(api: Api, cookie: dict[str, str]) -> None:
    headers = cookie | CSRF_HEADER | {"Authorization": "Bearer nonsense"}

    assert (await api.http.post("/graphql", json=VIEWER, headers=headers)).status_code == 401


async def _enter(api: Api, headers: dict[str, str], **query: str) -> httpx.Response:
    params = {"session": api.people.session.label, "state": STATE, "next": "/lab?a=b"} | query
    return await api.http.get("/enter", params=params, headers=headers)


async def test_creator_enters_session_with_a_ticket(api: Api, cookie: dict[str, str]) -> None:
    answer = await _enter(api, cookie)

    target = urlsplit(answer.headers["location"])
    assert (answer.status_code, target.hostname) == (303, f"{api.people.session.label}.sessions.localhost")
    query = parse_qs(target.query)
    assert (target.path, query["next"]) == ("/.carrel/enter", ["/lab?a=b"])
    entry = await api.services.session_access.redeem_ticket(query["ticket"][0], api.people.session.label, STATE)
    assert entry is not None
    assert entry.user_id == api.people.users["guest"].id


async def test_anonymous_visitor_signs_in_and_returns(api: Api) -> None:
    answer = await _enter(api, {})

    target = urlsplit(answer.headers["location"])
    assert (answer.status_code, target.path) == (303, "/sign-in")
    assert parse_qs(target.query)["next"][0].startswith(f"/enter?session={api.people.session.label}")


@pytest.mark.parametrize("name", ["stranger", "operator", "owner"])
async def test_session_of_another_user_is_not_found(api: Api, name: str) -> None:
    headers = _cookie(await api.sign_in(name))

    theirs, none = await _enter(api, headers), await _enter(api, headers, session="nobody")

    assert (theirs.status_code, none.status_code) == (404, 404)
    assert theirs.text == none.text


async def test_invalid_label_or_state_is_not_found(api: Api, cookie: dict[str, str]) -> None:
    for query in ({"session": "a\0b"}, {"session": ""}, {"session": "x" * 5000}, {"state": "short"}, {"state": ""}):
        assert (await _enter(api, cookie, **query)).status_code == 404, query


async def test_enter_does_not_redirect_to_another_site(api: Api, cookie: dict[str, str]) -> None:
    target = urlsplit((await _enter(api, cookie, next="https://evil.example")).headers["location"])

    assert parse_qs(target.query)["next"] == ["/"]


async def test_api_token_in_cookie_cannot_enter(api: Api) -> None:
    headers = _cookie({COOKIE: await api.people.token("guest")})

    assert urlsplit((await _enter(api, headers)).headers["location"]).path == "/sign-in"


async def test_unknown_page_is_404(api: Api) -> None:
    for path in ("/nothing", "/uploads/x", "/.env", "/assets/graphiql/../../app.py"):
        assert (await api.http.get(path)).status_code == 404, path
    assert await Session.all().count() == 1
