"""The query page in a browser, without any network but ours."""

import shutil
from collections.abc import AsyncIterator
from hashlib import sha384

import pytest
from playwright.async_api import Page, async_playwright, expect
from starlette.requests import Request

from schema.transport.graphiql import FILES, Explorer, Tab
from tests.schema.execution.conftest import Library


@pytest.fixture
async def page(library: Library) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = await browser.new_page()
        yield page
        await browser.close()


def test_a_bar_stands_above_the_page_and_no_query_takes_its_place() -> None:
    explorer = Explorer(endpoint="/graphql", assets="/static", tabs=[Tab("x", "{bar}")])

    page = bytes(explorer.page(Request({"type": "http"}), "<header>mine</header>").body).decode()

    assert page.index("<header>mine</header>") < page.index('<div id="graphiql">')
    assert page.count("<header>") == 1
    assert page.count("{bar}") == 1


async def test_the_page_runs_its_tab_signed_in_by_the_cookie(page: Page, library: Library) -> None:
    foreign: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: foreign.append(request.url) if _is_foreign(request.url) else None)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    await page.context.add_cookies([{"name": "carrel", "value": "reader", "url": library.url}])

    await page.goto(library.url)
    await expect(page.locator(".graphiql-query-editor")).to_contain_text("{ hello }")
    await page.click(".graphiql-execute-button")

    await expect(page.locator(".result-window")).to_contain_text('"hello": "world"')
    assert foreign == []
    assert complaints == []


def _is_foreign(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "data:", "blob:"))


def test_a_query_cannot_break_out_of_the_page() -> None:
    explorer = Explorer(endpoint="/graphql", assets="/static", tabs=[Tab("x", "# </script><script>alert(1)")])

    page = bytes(explorer.page(Request({"type": "http"})).body).decode()

    assert "</script><script>" not in page


def test_the_files_are_those_that_versions_names() -> None:
    lines = (FILES / "VERSIONS").read_text().splitlines()
    sums = [line.split() for line in lines if len(line) > 96 and line[:96].isalnum()]

    assert len(sums) == 6
    for digest, name in sums:
        assert sha384((FILES / name).read_bytes()).hexdigest() == digest
