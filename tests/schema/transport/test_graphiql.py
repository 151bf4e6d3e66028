"""The GraphiQL page in a browser, which must not load anything from other sites."""

import shutil
from collections.abc import AsyncIterator
from hashlib import sha384

import pytest
from markupsafe import Markup
from playwright.async_api import Page, async_playwright, expect
from starlette.requests import Request

from schema.transport.graphiql import STATIC_FILES, Explorer, ExplorerTab
from tests.schema.library_server import Library


@pytest.fixture
async def page(library: Library) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = await browser.new_page()
        yield page
        await browser.close()


def test_bar_is_inserted_once_above_page() -> None:
    explorer = Explorer(endpoint="/graphql", assets="/static", tabs=[ExplorerTab("x", "{bar}")])

    page = bytes(explorer.page(Request({"type": "http"}), Markup("<header>mine</header>")).body).decode()

    assert page.index("<header>mine</header>") < page.index('<div id="graphiql">')
    assert page.count("<header>") == 1
    assert page.count("{bar}") == 1


def test_page_escapes_title_and_text_that_is_not_markup() -> None:
    explorer = Explorer(endpoint="/graphql", assets='/"><script>', title="</title><script>alert(1)</script>")

    page = bytes(explorer.page(Request({"type": "http"}), "<b>bar</b>").body).decode()  # type: ignore[arg-type]

    assert "alert(1)</script>" not in page
    assert '"><script>' not in page
    assert "<b>" not in page


async def test_page_runs_tab_with_cookie(page: Page, library: Library) -> None:
    foreign: list[str] = []
    console_errors: list[str] = []
    page.on("request", lambda request: foreign.append(request.url) if _is_foreign(request.url) else None)
    page.on("console", lambda message: console_errors.append(message.text) if message.type == "error" else None)
    await page.context.add_cookies([{"name": "carrel", "value": "reader", "url": library.url}])

    await page.goto(library.url)
    await expect(page.locator(".graphiql-query-editor")).to_contain_text("{ hello }")
    await page.click(".graphiql-execute-button")

    await expect(page.locator(".result-window")).to_contain_text('"hello": "world"')
    assert foreign == []
    assert console_errors == []


def _is_foreign(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "data:", "blob:"))


def test_query_cannot_inject_html() -> None:
    explorer = Explorer(endpoint="/graphql", assets="/static", tabs=[ExplorerTab("x", "# </script><script>alert(1)")])

    page = bytes(explorer.page(Request({"type": "http"})).body).decode()

    assert "</script><script>" not in page


def test_static_files_match_versions() -> None:
    lines = (STATIC_FILES / "VERSIONS").read_text().splitlines()
    sums = [line.split() for line in lines if len(line) > 96 and line[:96].isalnum()]

    assert len(sums) == 6
    for digest, name in sums:
        assert sha384((STATIC_FILES / name).read_bytes()).hexdigest() == digest
