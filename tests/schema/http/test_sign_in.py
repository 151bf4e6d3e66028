"""A browser: signing in and out, what another site cannot do with its cookie, and the way into a session."""

from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest

from core.security.passwords import hash_password
from models.accounts.users import Token, TokenKind, User
from models.sessions.sessions import Session
from schema.http.sign_in import mint_sign_in_code, own_path
from tests.schema.api import COOKIE, MARK, Api

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PASSWORD = "correct horse"
STATE = "a" * 64
WHO = {"query": "{ viewer { username } }"}
FOREIGN = ["https://evil.example", "//evil.example", "/\\evil.example", "\\/evil.example", "javascript:alert(1)"]
FOREIGN += ["http:evil.example", "/\t/evil.example", "/\n/evil.example", "evil.example", "", "///evil.example"]


@pytest.fixture
async def cookie(api: Api) -> dict[str, str]:
    """The guest's browser, as headers."""
    return _cookie(await api.sign_in("guest"))


def _cookie(jar: dict[str, str]) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}


async def _password(api: Api, name: str) -> None:
    await User.filter(id=api.cast.users[name].id).update(password_hash=await hash_password(PASSWORD))


async def _sign_in(
    api: Api, password: str = PASSWORD, headers: dict[str, str] | None = None, goal: str = "/"
) -> httpx.Response:
    form = {"username": "guest", "password": password, "next": goal}
    return await api.http.post("/sign-in", data=form, headers=headers)


async def test_the_front_page_asks_strangers_to_sign_in_and_shows_others_the_query_page(
    api: Api, cookie: dict[str, str]
) -> None:
    away = await api.http.get("/")
    assert (away.status_code, away.headers["location"]) == (303, "/sign-in")

    page = await api.http.get("/", headers=cookie)

    assert page.status_code == 200
    assert "graphiql" in page.text
    assert "Signed in as <b>guest</b>" in page.text


async def test_name_and_password_give_a_cookie_that_scripts_of_a_page_cannot_read(api: Api) -> None:
    await _password(api, "guest")

    answer = await _sign_in(api, goal="/enter?session=x")

    assert (answer.status_code, answer.headers["location"]) == (303, "/enter?session=x")
    (set_cookie,) = answer.headers.get_list("set-cookie")
    assert set_cookie.startswith(f"{COOKIE}=carrel_browser_")
    assert {"httponly", "samesite=lax", "path=/"} <= {part.strip().lower() for part in set_cookie.split(";")}
    text = answer.cookies[COOKIE]
    who = await api.http.post("/graphql", json=WHO, headers=_cookie({COOKIE: text}) | MARK)
    assert who.json()["data"]["viewer"]["username"] == "guest"


async def test_a_wrong_password_is_told_and_the_name_is_not_given_away(api: Api) -> None:
    await _password(api, "guest")

    wrong = await _sign_in(api, "wrong horse")
    unknown = await api.http.post("/sign-in", data={"username": "nobody", "password": PASSWORD})

    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.text == unknown.text
    assert "set-cookie" not in wrong.headers


async def test_a_form_without_fields_or_with_strange_ones_is_just_wrong(api: Api) -> None:
    for form in ({}, {"username": "a\0b", "password": "x"}, {"username": "x" * 9000, "password": "y" * 9000}):
        assert (await api.http.post("/sign-in", data=form)).status_code == 401


@pytest.mark.parametrize("changes", [{"sign_in_attempts": 2}])
async def test_too_many_mistakes_lock_the_account(api: Api, changes: dict[str, object]) -> None:
    await _password(api, "guest")
    for _ in range(2):
        assert (await _sign_in(api, "wrong horse")).status_code == 401

    locked = await _sign_in(api)

    assert locked.status_code == 429
    assert "Too many wrong passwords" in locked.text


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
async def test_a_form_of_another_site_signs_nobody_in_or_out(
    api: Api, cookie: dict[str, str], headers: dict[str, str]
) -> None:
    await _password(api, "guest")

    assert (await _sign_in(api, headers=headers)).status_code == 403
    assert (await api.http.post("/sign-out", headers=headers | cookie)).status_code == 403
    assert await Token.filter(kind=TokenKind.BROWSER, revoked_at=None).count() == 1


async def test_signing_out_ends_the_cookie_at_once(api: Api, cookie: dict[str, str]) -> None:
    answer = await api.http.post("/sign-out", headers=cookie)

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    who = await api.http.post("/graphql", json=WHO, headers=cookie | MARK)
    assert who.json()["data"]["viewer"] is None
    assert (await api.http.post("/sign-out", headers=cookie)).status_code == 303


async def test_a_code_signs_in_once(api: Api) -> None:
    await mint_sign_in_code(api.kernel.redis, api.cast.users["guest"].id, "secret")

    first = await api.http.get("/sign-in?code=secret&next=/enter")
    second = await api.http.get("/sign-in?code=secret")

    assert (first.status_code, first.headers["location"]) == (303, "/enter")
    assert (second.status_code, "set-cookie" in second.headers) == (403, False)
    assert (await api.http.get("/sign-in?code=forged")).status_code == 403


async def test_a_code_of_an_inactive_user_signs_nobody_in(api: Api) -> None:
    await mint_sign_in_code(api.kernel.redis, api.cast.users["guest"].id, "secret")
    await User.filter(id=api.cast.users["guest"].id).update(is_active=False)

    assert (await api.http.get("/sign-in?code=secret")).status_code == 403


@pytest.mark.parametrize("goal", FOREIGN)
async def test_nobody_is_sent_to_another_site(api: Api, goal: str) -> None:
    assert own_path(goal) == "/"
    await _password(api, "guest")
    await mint_sign_in_code(api.kernel.redis, api.cast.users["guest"].id, "secret")

    by_form = await _sign_in(api, goal=goal)
    by_code = await api.http.get("/sign-in", params={"code": "secret", "next": goal})

    assert (by_form.headers["location"], by_code.headers["location"]) == ("/", "/")


def test_own_paths_are_kept(database_url: str) -> None:
    for goal in ("/", "/enter?session=sx&next=%2Fdesk", "/a//b"):
        assert own_path(goal) == goal


async def test_pages_of_ours_are_not_framed_kept_or_told_of(api: Api) -> None:
    page = await api.http.get('/sign-in?next=/"><script>alert(1)</script>')

    assert "<script>" not in page.text
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] in {"no-referrer", "same-origin"}


async def _change(api: Api, headers: dict[str, str]) -> int:
    query = 'mutation { uploadCreate(filename: "a") { upload { id } } }'
    return (await api.http.post("/graphql", json={"query": query}, headers=headers)).status_code


async def test_with_a_cookie_alone_another_site_changes_nothing(api: Api, cookie: dict[str, str]) -> None:
    assert await _change(api, cookie) == 403, "an old browser, and no mark"
    assert await _change(api, cookie | {"Sec-Fetch-Site": "cross-site"}) == 403
    assert await _change(api, cookie | {"Sec-Fetch-Site": "same-site"} | MARK) == 403, "a session's page"
    assert await _change(api, cookie | {"Sec-Fetch-Site": "same-origin"}) == 200
    assert await _change(api, cookie | MARK) == 200


async def test_only_a_browsers_token_is_a_cookie(api: Api) -> None:
    for kind in (TokenKind.API, TokenKind.ENTRY):
        headers = _cookie({COOKIE: await api.cast.token("guest", kind)}) | MARK
        answer = await api.http.post("/graphql", json=WHO, headers=headers)
        assert answer.json()["data"]["viewer"] is None, kind


async def test_a_token_comes_as_bearer_or_token_and_not_otherwise(api: Api) -> None:
    text = await api.cast.token("guest")
    for scheme, status in (("Bearer", 200), ("Token", 200), ("bearer", 200), ("Basic", 401), ("", 401)):
        answer = await api.http.post("/graphql", json=WHO, headers={"Authorization": f"{scheme} {text}".strip()})
        assert answer.status_code == status, scheme
    wrong = await api.http.post("/graphql", json=WHO, headers={"Authorization": "Bearer nonsense"})
    assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_wrong_header_is_not_saved_by_a_good_cookie(api: Api, cookie: dict[str, str]) -> None:
    headers = cookie | MARK | {"Authorization": "Bearer nonsense"}

    assert (await api.http.post("/graphql", json=WHO, headers=headers)).status_code == 401


async def _enter(api: Api, headers: dict[str, str], **query: str) -> httpx.Response:
    given = {"session": api.cast.session.label, "state": STATE, "next": "/lab?a=b"} | query
    return await api.http.get("/enter", params=given, headers=headers)


async def test_the_creator_is_sent_into_the_session_with_a_ticket_for_it(api: Api, cookie: dict[str, str]) -> None:
    answer = await _enter(api, cookie)

    goal = urlsplit(answer.headers["location"])
    assert (answer.status_code, goal.hostname) == (303, f"{api.cast.session.label}.sessions.localhost")
    query = parse_qs(goal.query)
    assert (goal.path, query["next"]) == ("/.carrel/enter", ["/lab?a=b"])
    entry = await api.kernel.doors.redeem_ticket(query["ticket"][0], api.cast.session.label, STATE)
    assert entry is not None
    assert entry.user_id == api.cast.users["guest"].id


async def test_nobody_signs_in_first_and_comes_back(api: Api) -> None:
    answer = await _enter(api, {})

    goal = urlsplit(answer.headers["location"])
    assert (answer.status_code, goal.path) == (303, "/sign-in")
    assert parse_qs(goal.query)["next"][0].startswith(f"/enter?session={api.cast.session.label}")


@pytest.mark.parametrize("name", ["stranger", "operator", "owner"])
async def test_a_session_of_another_is_not_there(api: Api, name: str) -> None:
    headers = _cookie(await api.sign_in(name))

    theirs, none = await _enter(api, headers), await _enter(api, headers, session="nobody")

    assert (theirs.status_code, none.status_code) == (404, 404)
    assert theirs.text == none.text


async def test_a_strange_label_or_state_is_not_there_either(api: Api, cookie: dict[str, str]) -> None:
    for query in ({"session": "a\0b"}, {"session": ""}, {"session": "x" * 5000}, {"state": "short"}, {"state": ""}):
        assert (await _enter(api, cookie, **query)).status_code == 404, query


async def test_the_way_in_leads_to_no_other_site(api: Api, cookie: dict[str, str]) -> None:
    goal = urlsplit((await _enter(api, cookie, next="https://evil.example")).headers["location"])

    assert parse_qs(goal.query)["next"] == ["/"]


async def test_an_api_token_in_the_cookie_does_not_enter(api: Api) -> None:
    headers = _cookie({COOKIE: await api.cast.token("guest")})

    assert urlsplit((await _enter(api, headers)).headers["location"]).path == "/sign-in"


async def test_what_is_not_there_is_a_page_that_says_so(api: Api) -> None:
    for path in ("/nothing", "/uploads/x", "/.env", "/assets/graphiql/../../app.py"):
        assert (await api.http.get(path)).status_code == 404, path
    assert await Session.all().count() == 1
