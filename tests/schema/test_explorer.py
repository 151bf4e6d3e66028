"""GraphiQL in a browser: signed in by the cookie, without requests to other hosts."""

from playwright.async_api import Browser, Page, expect

from core.security import passwords
from models.accounts.users import User
from schema.example_queries import TABS
from tests.schema.served import Served

PASSWORD = "a long enough password"


async def _signed_in(served: Served, browser: Browser) -> Page:
    await User.filter(username="ada").update(password_hash=await passwords.hash_password(PASSWORD))
    page = await browser.new_page()
    await page.goto(served.origin)
    await page.fill("input[name=username]", "ada")
    await page.fill("input[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.locator(".graphiql-query-editor")).to_be_visible()
    return page


async def test_graphiql_runs_example_queries_as_signed_in_user(sqlite_api: Served, browser: Browser) -> None:
    page = await _signed_in(sqlite_api, browser)
    complaints: list[str] = []
    foreign: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: foreign.append(request.url) if _is_foreign(sqlite_api, request.url) else None)
    await page.reload()

    await expect(page.locator(".graphiql-tab")).to_have_count(len(TABS))
    await page.click(".graphiql-execute-button")

    await expect(page.locator(".result-window")).to_contain_text('"username": "ada"')
    assert foreign == []
    assert complaints == []


def _is_foreign(served: Served, url: str) -> bool:
    return not url.startswith((served.origin, "data:", "blob:"))
