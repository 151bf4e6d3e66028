"""The services of the tests are real, fresh and separate."""

from playwright.async_api import Browser
from redis.asyncio import Redis

from core.settings import Settings
from models.accounts.organizations import Organization
from tests.waiting import eventually


async def test_a_database_is_migrated_and_empty(database: Settings) -> None:
    await Organization.create(name="Lab", slug="lab")

    assert await Organization.all().count() == 1


async def test_rows_do_not_leak_between_tests(database: Settings) -> None:
    assert await Organization.all().count() == 0


async def test_redis_is_real_and_empty(redis: Redis, settings: Settings) -> None:
    assert settings.redis_url is not None
    assert await redis.dbsize() == 0
    assert (await redis.info("server"))["redis_version"]


async def test_the_browser_shows_a_page(browser: Browser) -> None:
    page = await browser.new_page()

    await page.goto("data:text/html,<h1>Carrel</h1>")

    assert await page.inner_text("h1") == "Carrel"


async def test_waiting_ends_when_the_condition_holds() -> None:
    answers = iter([None, None, "ready"])

    assert await eventually(lambda: next(answers)) == "ready"
