"""A workstation's logo: brought as a file, kept as pixels alone, shown to whoever knows its name, and taken away."""

from io import BytesIO
from urllib.parse import urlsplit

import pytest
from PIL import Image

from models.accounts.history import HistoryEntry
from models.data.uploads import Upload, UploadState
from models.sessions.workstations import Workstation
from tests.schema.api import Answer, Api
from tests.schema.every_mutation import CASES

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ANNOUNCE = 'mutation { uploadCreate(filename: "logo.svg") { upload { id } url errors { message } } }'
LOGO = "query($id: ID!) { node(id: $id) { ... on Workstation { logo { url(size: SMALL) } } } }"


async def _set(api: Api, content: bytes | None = None, who: str = "owner") -> Answer:
    """Bring a picture, that of the cast if no other is given, and let it be the logo."""
    case = CASES["workstationLogoSet"]
    variables = dict(case.variables(api))
    if content is not None:
        announced = (await api.ask(who, ANNOUNCE)).data
        assert (await api.http.put(announced["url"], content=content)).status_code == 201
        variables["upload"] = announced["upload"]["id"]
    return await api.ask(who, case.query, **variables)


def _path(url: str) -> str:
    return urlsplit(url).path


async def _stored(api: Api, path: str) -> bool:
    return bool(await api.kernel.storage.exists(path.lstrip("/").replace("/512.png", "-512.png")))


async def test_a_picture_is_shown_to_everybody_who_has_its_address(api: Api) -> None:
    logo = (await _set(api)).data["workstation"]["logo"]
    assert (logo["width"], logo["height"]) == (40, 20)

    answer = await api.http.get(_path(logo["url"]))

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert Image.open(BytesIO(answer.content)).size == (512, 512)
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    small = (await api.ask("guest", LOGO, id=api.id("Workstation", api.cast.workstation))).data["logo"]["url"]
    assert Image.open(BytesIO((await api.http.get(_path(small))).content)).size == (64, 64)


async def test_it_is_a_change_of_the_workstation_like_any_other(api: Api) -> None:
    before = api.cast.workstation.version

    changed = (await _set(api)).data["workstation"]

    assert changed["version"] == before + 1
    entry = await HistoryEntry.get(resource="workstation", action="logo_set")
    assert (entry.object_id, entry.actor_id) == (api.cast.workstation.id, api.cast.users["owner"].id)
    assert (await Upload.get(id=api.cast.picture.id)).state is UploadState.USED
    assert not await api.kernel.storage.exists(api.cast.picture.storage_key), "the file that was sent is not kept"


@pytest.mark.parametrize(
    "content",
    [b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", b"<html><script>alert(1)</script>"],
)
async def test_what_could_run_in_a_browser_is_refused_and_may_be_replaced(api: Api, content: bytes) -> None:
    answer = await _set(api, content)

    assert (answer.code, answer.path) == ("BAD_USER_INPUT", ["uploadId"])
    workstation = await Workstation.get(id=api.cast.workstation.id)
    assert (workstation.logo_key, workstation.version) == (None, api.cast.workstation.version)
    assert (await _set(api)).code is None


async def test_a_file_that_is_too_large_is_refused_unread(api: Api) -> None:
    assert (await _set(api, b"x" * (4 * 1024**2 + 1))).code == "BAD_USER_INPUT"


async def test_an_upload_that_has_no_bytes_yet_or_was_used_is_none(api: Api) -> None:
    announced = (await api.ask("owner", ANNOUNCE)).data
    query = CASES["workstationLogoSet"].query
    variables = {"id": api.id("Workstation", api.cast.workstation), "upload": announced["upload"]["id"]}
    assert (await api.ask("owner", query, **variables)).code == "BAD_USER_INPUT"

    assert (await _set(api)).code is None
    assert (await _set(api)).code == "BAD_USER_INPUT"


async def test_another_logo_has_another_address_and_the_old_one_is_gone(api: Api) -> None:
    first = _path((await _set(api)).data["workstation"]["logo"]["url"])
    written = BytesIO()
    Image.new("RGB", (16, 16), "blue").save(written, "JPEG")

    second = _path((await _set(api, written.getvalue())).data["workstation"]["logo"]["url"])

    assert second != first
    assert ((await api.http.get(first)).status_code, await _stored(api, first)) == (404, False)
    assert ((await api.http.get(second)).status_code, await _stored(api, second)) == (200, True)


async def test_a_logo_that_is_taken_away_leaves_nothing(api: Api) -> None:
    path = _path((await _set(api)).data["workstation"]["logo"]["url"])
    case = CASES["workstationLogoRemove"]

    for _ in range(2):
        answer = await api.ask("editor", case.query, **case.variables(api))
        assert answer.data["workstation"]["logo"] is None

    assert ((await api.http.get(path)).status_code, await _stored(api, path)) == (404, False)
    assert await HistoryEntry.filter(resource="workstation", action="logo_remove").count() == 1


@pytest.mark.parametrize("path", ["/logos/x/64.png", "/logos/..%2f..%2fcarrel.sqlite3/64.png", "/logos/x/65.png"])
async def test_no_other_file_is_served(api: Api, path: str) -> None:
    assert (await api.http.get(path)).status_code == 404
