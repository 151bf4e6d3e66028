"""The main job in a real browser, and what a second person sees of it."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.e2e import documents
from tests.e2e.caller import Caller
from tests.e2e.installation import NARROW, House
from tests.e2e.visitor import Visitor, fill_in
from tests.waiting import eventually

NOT_FOUND = "There is no such session, or you may not see it."


@pytest.fixture
async def ada_at_a_browser(browser: Browser, house: House) -> Visitor:
    """Ada, signed in."""
    visitor = await Visitor.arrive(browser, house)
    await visitor.sign_in(house.people["ada"])
    return visitor


@pytest.fixture
async def eve_at_a_browser(browser: Browser, house: House) -> Visitor:
    """Eve, signed in, in a browser of her own."""
    visitor = await Visitor.arrive(browser, house)
    await visitor.sign_in(house.people["eve"])
    return visitor


async def bring(ada: Visitor, archive: Path) -> str:
    """Upload and import a workstation of ada's own from the page."""
    workstation = (await ada.ask(documents.WORKSTATION_CREATE, title="Ada's own"))["workstation"]["id"]
    announced = await ada.ask(documents.UPLOAD_CREATE, filename=archive.name)
    await ada.send_file(archive, announced["url"])
    image = {"workstationId": workstation, "uploadId": announced["upload"]["id"], "websocketPort": 4114}
    created = await ada.ask(documents.IMAGE_CREATE, input={**image, "initialPath": "desk/"})
    assert created["errors"] == []
    await ada.follow("image", documents.IMAGE_UPDATED, id=created["image"]["id"])
    await ada.completed("image")
    assert (await ada.data("image"))[-1]["state"] == "READY"
    return str(workstation)


async def test_one_brings_a_workstation_launches_it_works_in_it_and_stops_it(
    ada_at_a_browser: Visitor, eve: Caller, archive: Path
) -> None:
    ada = ada_at_a_browser
    workstation = await bring(ada, archive)
    other = await eve.launch(workstation, region=NARROW)  # It takes the only place there.
    launched = await ada.ask(documents.LAUNCH, workstation=workstation, input={"region": NARROW})
    session = launched["session"]
    await ada.follow("session", documents.SESSION_UPDATED, id=session["id"])
    await ada.desk.goto(session["workstationUrl"])
    await expect(ada.desk.get_by_text("It is next in line.")).to_be_visible()
    await eve.stop(other)

    await expect(ada.desk.get_by_role("heading", name="A desk of your own")).to_be_visible(timeout=15_000)
    await expect(ada.desk.locator("#viewer")).to_contain_text('"username": "ada"')
    await expect(ada.desk.locator("#answers")).to_have_text("Connected")
    await ada.desk.get_by_role("button", name="Send").click()
    await expect(ada.desk.locator("#answers")).to_have_text("1: Hello")
    assert await ada.talk("from the page") == "1: from the page"

    assert (await ada.ask(documents.STOP, id=session["id"]))["errors"] == []
    assert await ada.cut_off(2) == 4401
    await ada.completed("session")
    states = [update["state"] for update in await ada.data("session")]
    assert states[:3] == ["QUEUED", "STARTING", "RUNNING"]
    assert states[-1] == "STOPPED"
    await ada.desk.reload()
    await expect(ada.desk.get_by_role("heading", name="This session has ended")).to_be_visible()
    await expect(ada.desk.get_by_text("Stopped on request.")).to_be_visible()


async def test_a_second_person_sees_none_of_it(ada: Caller, eve_at_a_browser: Visitor, workstation: str) -> None:
    eve = eve_at_a_browser
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
    answer = await eve.desk.goto(session.url)
    assert answer is not None
    assert answer.status == 404
    await expect(eve.desk.get_by_text("There is no such session, or it is not yours.")).to_be_visible()
    ticket = await ada.ask(documents.OPEN, id=session.id)
    await eve.desk.goto(ticket["url"])
    await expect(eve.desk.get_by_role("heading", name="This link does not work")).to_be_visible()
    await ada.stop(session)


async def test_who_is_not_signed_in_comes_through_the_form_to_the_session(
    browser: Browser, house: House, ada: Caller, workstation: str
) -> None:
    session = await ada.launch(workstation)
    visitor = await Visitor.arrive(browser, house)

    await visitor.desk.goto(session.url)
    await fill_in(visitor.desk, house.people["ada"])

    await expect(visitor.desk.get_by_role("heading", name="A desk of your own")).to_be_visible()
    assert visitor.desk.url == session.url
    await ada.stop(session)


async def test_who_signs_out_is_out_of_the_session_too(
    ada_at_a_browser: Visitor, ada: Caller, workstation: str
) -> None:
    session = await ada.launch(workstation)
    visitor = ada_at_a_browser
    await visitor.desk.goto(session.url)
    await visitor.talk("still here")
    await visitor.follow("session", documents.SESSION_UPDATED, id=session.id)

    await visitor.sign_out()

    assert await visitor.cut_off(2) == 4401
    await visitor.completed("session", 5)
    assert (await visitor.frames("session"))[-1]["type"] == "closed"
    await visitor.desk.reload()
    await expect(visitor.desk.get_by_role("heading", name="Sign in")).to_be_visible()
    assert (await ada.read(session))["state"] == "RUNNING"
    await ada.stop(session)


async def test_a_container_that_crashes_is_told_on_its_page(
    ada_at_a_browser: Visitor, ada: Caller, workstation: str
) -> None:
    session = await ada.launch(workstation)
    visitor = ada_at_a_browser
    await visitor.desk.goto(session.url)

    await visitor.desk.evaluate("fetch('/crash').catch(() => null)")
    await ada.reaches(session, "FAILED")
    await visitor.desk.reload()

    await expect(visitor.desk.get_by_role("heading", name="This session failed")).to_be_visible()
    await expect(visitor.desk.get_by_text("exit code 3")).to_be_visible()


async def test_a_query_is_run_on_the_query_page(ada_at_a_browser: Visitor) -> None:
    page = ada_at_a_browser.platform

    await eventually(lambda: page.get_by_role("button", name="Execute query").is_enabled())
    await page.get_by_role("button", name="Execute query").click()

    await expect(page.locator(".result-window")).to_contain_text('"username": "ada"')
