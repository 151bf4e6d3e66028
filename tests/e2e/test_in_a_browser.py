"""The main workflow in a real browser, and its isolation from a second user."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.e2e import documents
from tests.e2e.caller import ApiClient
from tests.e2e.installation import SMALL_REGION, Installation
from tests.e2e.visitor import BrowserUser, fill_in
from tests.waiting import eventually

NOT_FOUND = "There is no such session, or you may not see it."


@pytest.fixture
async def ada_browser(browser: Browser, installation: Installation) -> BrowserUser:
    """Ada, signed in."""
    user = await BrowserUser.open(browser, installation)
    await user.sign_in(installation.people["ada"])
    return user


@pytest.fixture
async def eve_browser(browser: Browser, installation: Installation) -> BrowserUser:
    """Eve, signed in, in a separate browser."""
    user = await BrowserUser.open(browser, installation)
    await user.sign_in(installation.people["eve"])
    return user


async def bring(ada: BrowserUser, archive: Path) -> str:
    """Upload and import a workstation of ada's from the page."""
    workstation = (await ada.ask(documents.WORKSTATION_CREATE, title="Ada's own"))["workstation"]["id"]
    announced = await ada.ask(documents.UPLOAD_CREATE, filename=archive.name)
    await ada.send_file(archive, announced["url"])
    image = {"workstationId": workstation, "uploadId": announced["upload"]["id"], "websocketPort": 4114}
    created = await ada.ask(documents.IMAGE_CREATE, input={**image, "initialPath": "app/"})
    assert created["errors"] == []
    await ada.follow("image", documents.IMAGE_UPDATED, id=created["image"]["id"])
    await ada.completed("image")
    assert (await ada.data("image"))[-1]["state"] == "READY"
    return str(workstation)


async def test_user_imports_launches_uses_and_stops_a_workstation(
    ada_browser: BrowserUser, eve: ApiClient, archive: Path
) -> None:
    ada = ada_browser
    workstation = await bring(ada, archive)
    other = await eve.launch(workstation, region=SMALL_REGION)  # It takes the only place there.
    launched = await ada.ask(documents.LAUNCH, workstation=workstation, input={"region": SMALL_REGION})
    session = launched["session"]
    await ada.follow("session", documents.SESSION_UPDATED, id=session["id"])
    await ada.session_page.goto(session["workstationUrl"])
    await expect(ada.session_page.get_by_text("It is next in line.")).to_be_visible()
    await eve.stop(other)

    await expect(ada.session_page.get_by_role("heading", name="Example workstation")).to_be_visible(timeout=15_000)
    await expect(ada.session_page.locator("#viewer")).to_contain_text('"username": "ada"')
    await expect(ada.session_page.locator("#answers")).to_have_text("Connected")
    await ada.session_page.get_by_role("button", name="Send").click()
    await expect(ada.session_page.locator("#answers")).to_have_text("1: Hello")
    assert await ada.talk("from the page") == "1: from the page"

    assert (await ada.ask(documents.STOP, id=session["id"]))["errors"] == []
    assert await ada.close_code(2) == 4401
    await ada.completed("session")
    states = [update["state"] for update in await ada.data("session")]
    assert states[:3] == ["QUEUED", "STARTING", "RUNNING"]
    assert states[-1] == "STOPPED"
    await ada.session_page.reload()
    await expect(ada.session_page.get_by_role("heading", name="This session has ended")).to_be_visible()
    await expect(ada.session_page.get_by_text("Stopped on request.")).to_be_visible()


async def test_a_second_person_sees_none_of_it(ada: ApiClient, eve_browser: BrowserUser, workstation: str) -> None:
    eve = eve_browser
    session = await ada.launch(workstation)

    assert await eve.ask(documents.SESSION, id=session.id) is None
    assert {"id": session.id} not in (await eve.ask(documents.SESSIONS))["nodes"]
    for document in (documents.STOP, documents.OPEN):
        refused = await eve.ask(document, id=session.id)
        assert [error["code"] for error in refused["errors"]] == ["NOT_FOUND"]
    await eve.follow("theirs", documents.SESSION_UPDATED, id=session.id)
    (frame, *_) = await eve.frames("theirs")
    assert NOT_FOUND in str(frame)
    assert "NOT_FOUND" in str(frame)
    answer = await eve.session_page.goto(session.url)
    assert answer is not None
    assert answer.status == 404
    await expect(eve.session_page.get_by_text("The session does not exist or is not yours.")).to_be_visible()
    ticket = await ada.ask(documents.OPEN, id=session.id)
    await eve.session_page.goto(ticket["url"])
    await expect(eve.session_page.get_by_role("heading", name="This link does not work")).to_be_visible()
    await ada.stop(session)


async def test_sign_in_form_leads_to_the_session(
    browser: Browser, installation: Installation, ada: ApiClient, workstation: str
) -> None:
    session = await ada.launch(workstation)
    user = await BrowserUser.open(browser, installation)

    await user.session_page.goto(session.url)
    await fill_in(user.session_page, installation.people["ada"])

    await expect(user.session_page.get_by_role("heading", name="Example workstation")).to_be_visible()
    assert user.session_page.url == session.url
    await ada.stop(session)


async def test_sign_out_ends_access_to_the_session(ada_browser: BrowserUser, ada: ApiClient, workstation: str) -> None:
    session = await ada.launch(workstation)
    user = ada_browser
    await user.session_page.goto(session.url)
    await user.talk("still here")
    await user.follow("session", documents.SESSION_UPDATED, id=session.id)

    await user.sign_out()

    assert await user.close_code(2) == 4401
    await user.completed("session", 5)
    assert (await user.frames("session"))[-1]["type"] == "closed"
    await user.session_page.reload()
    await expect(user.session_page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert (await ada.read(session))["state"] == "RUNNING"
    await ada.stop(session)


async def test_crash_is_shown_on_the_session_page(ada_browser: BrowserUser, ada: ApiClient, workstation: str) -> None:
    session = await ada.launch(workstation)
    user = ada_browser
    await user.session_page.goto(session.url)

    await user.session_page.evaluate("fetch('/crash').catch(() => null)")
    await ada.wait_for_state(session, "FAILED")
    await user.session_page.reload()

    await expect(user.session_page.get_by_role("heading", name="This session failed")).to_be_visible()
    await expect(user.session_page.get_by_text("code 3")).to_be_visible()


async def test_a_query_is_run_on_the_query_page(ada_browser: BrowserUser) -> None:
    page = ada_browser.platform

    await eventually(lambda: page.get_by_role("button", name="Execute query").is_enabled())
    await page.get_by_role("button", name="Execute query").click()

    await expect(page.locator(".result-window")).to_contain_text('"username": "ada"')
