"""Tests of setting, serving and removing the logo of a workstation."""

from io import BytesIO
from urllib.parse import urlsplit

import pytest
from PIL import Image

from models.accounts.history import HistoryEntry
from models.data.uploads import Upload, UploadState
from models.sessions.workstations import Workstation
from tests.schema.api import Api, ApiResponse
from tests.schema.every_mutation import CASES

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
CREATE = 'mutation { uploadCreate(filename: "logo.svg") { upload { id } url errors { message } } }'
LOGO = "query($id: ID!) { node(id: $id) { ... on Workstation { logo { url(size: SMALL) } } } }"


async def _set(api: Api, content: bytes | None = None, who: str = "owner") -> ApiResponse:
    """Upload an image, by default the sample picture, and set it as the logo."""
    case = CASES["workstationLogoSet"]
    variables = dict(case.variables(api))
    if content is not None:
        created = (await api.ask(who, CREATE)).data
        assert (await api.http.put(created["url"], content=content)).status_code == 201
        variables["upload"] = created["upload"]["id"]
    return await api.ask(who, case.query, **variables)


def _path(url: str) -> str:
    return urlsplit(url).path


async def _stored(api: Api, path: str) -> bool:
    return bool(await api.services.storage.exists(path.lstrip("/").replace("/512.png", "-512.png")))


async def test_logo_url_needs_no_authentication(api: Api) -> None:
    logo = (await _set(api)).data["workstation"]["logo"]
    assert (logo["width"], logo["height"]) == (40, 20)

    answer = await api.http.get(_path(logo["url"]))

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert Image.open(BytesIO(answer.content)).size == (512, 512)
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    small = (await api.ask("guest", LOGO, id=api.id("Workstation", api.people.workstation))).data["logo"]["url"]
    assert Image.open(BytesIO((await api.http.get(_path(small))).content)).size == (64, 64)


async def test_logo_change_increments_workstation_version(api: Api) -> None:
    before = api.people.workstation.version

    changed = (await _set(api)).data["workstation"]

    assert changed["version"] == before + 1
    entry = await HistoryEntry.get(resource="workstation", action="logo_set")
    assert (entry.object_id, entry.actor_id) == (api.people.workstation.id, api.people.users["owner"].id)
    assert (await Upload.get(id=api.people.picture.id)).state is UploadState.USED
    assert not await api.services.storage.exists(api.people.picture.storage_key), "the uploaded file is deleted"


@pytest.mark.parametrize(
    "content",
    [b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", b"<html><script>alert(1)</script>"],
)
async def test_active_content_is_refused_as_logo(api: Api, content: bytes) -> None:
    answer = await _set(api, content)

    assert (answer.code, answer.path) == ("BAD_USER_INPUT", ["uploadId"])
    workstation = await Workstation.get(id=api.people.workstation.id)
    assert (workstation.logo_key, workstation.version) == (None, api.people.workstation.version)
    assert (await _set(api)).code is None


async def test_oversized_logo_is_refused_unread(api: Api) -> None:
    assert (await _set(api, b"x" * (4 * 1024**2 + 1))).code == "BAD_USER_INPUT"


async def test_unfinished_or_used_upload_is_refused(api: Api) -> None:
    created = (await api.ask("owner", CREATE)).data
    query = CASES["workstationLogoSet"].query
    variables = {"id": api.id("Workstation", api.people.workstation), "upload": created["upload"]["id"]}
    assert (await api.ask("owner", query, **variables)).code == "BAD_USER_INPUT"

    assert (await _set(api)).code is None
    assert (await _set(api)).code == "BAD_USER_INPUT"


async def test_new_logo_replaces_the_old_url(api: Api) -> None:
    first = _path((await _set(api)).data["workstation"]["logo"]["url"])
    written = BytesIO()
    Image.new("RGB", (16, 16), "blue").save(written, "JPEG")

    second = _path((await _set(api, written.getvalue())).data["workstation"]["logo"]["url"])

    assert second != first
    assert ((await api.http.get(first)).status_code, await _stored(api, first)) == (404, False)
    assert ((await api.http.get(second)).status_code, await _stored(api, second)) == (200, True)


async def test_removed_logo_leaves_no_files(api: Api) -> None:
    path = _path((await _set(api)).data["workstation"]["logo"]["url"])
    case = CASES["workstationLogoRemove"]

    for _ in range(2):
        answer = await api.ask("editor", case.query, **case.variables(api))
        assert answer.data["workstation"]["logo"] is None

    assert ((await api.http.get(path)).status_code, await _stored(api, path)) == (404, False)
    assert await HistoryEntry.filter(resource="workstation", action="logo_remove").count() == 1


@pytest.mark.parametrize("path", ["/logos/x/64.png", "/logos/..%2f..%2fcarrel.sqlite3/64.png", "/logos/x/65.png"])
async def test_logo_endpoint_serves_no_other_file(api: Api, path: str) -> None:
    assert (await api.http.get(path)).status_code == 404
