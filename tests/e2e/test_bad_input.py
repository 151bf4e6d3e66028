"""Bad input gives one clear sentence and loses no data."""

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import docker
import httpx2
import pytest

from tests import docker_service
from tests.core.sample_archives import Recipe, as_json, tar
from tests.e2e import documents
from tests.e2e.caller import ApiClient, Launched
from tests.e2e.installation import SMALL_REGION, Installation

MUTE = b'FROM carrel/workstation:latest\nCMD ["python3", "-uc", "import time; print(\'Hm.\'); time.sleep(600)"]\n'


def two_images() -> bytes:
    """An archive of two images, as `docker save ONE TWO` writes it."""
    files: dict[str, bytes] = {}
    entries = []
    for recipe in (Recipe(), Recipe(top={"os": "linux", "architecture": "amd64", "author": "another"})):
        files |= recipe.docker()
        entries.append(files["manifest.json"].strip(b"[]"))
    return tar({**files, "manifest.json": b"[" + b",".join(entries) + b"]"})


def archive_without_user() -> bytes:
    """An archive of an image without a USER."""
    recipe = Recipe()
    del recipe.run["User"]
    return tar(recipe.docker())


BAD_ARCHIVES = {
    "two images": (two_images(), "The archive holds 2 images; save exactly one: docker save IMAGE | gzip."),
    "a root image": (archive_without_user(), "The image runs as root; add a USER line to its Dockerfile."),
    "no archive": (as_json("hello") * 1000, "The file is not a tar archive; upload the output of docker save."),
    "another processor": (
        tar(Recipe(top={"os": "linux", "architecture": "s390x"}).docker()),
        "The image is built for s390x; this region runs amd64.",
    ),
}


async def active_image(ada: ApiClient, workstation: str) -> object:
    """Return the id of the image that new sessions use."""
    return (await ada.ask(documents.ACTIVE_IMAGE, id=workstation))["activeImage"]["id"]


@pytest.mark.parametrize("name", BAD_ARCHIVES)
async def test_bad_archive_leaves_the_active_image(name: str, ada: ApiClient, workstation: str) -> None:
    content, sentence = BAD_ARCHIVES[name]
    before = await active_image(ada, workstation)

    image = await ada.import_image(workstation, await ada.upload(content))

    assert (image["state"], image["reason"]) == ("FAILED", sentence)
    assert await active_image(ada, workstation) == before


async def test_truncated_archive_leaves_the_active_image(ada: ApiClient, workstation: str, archive: Path) -> None:
    before = await active_image(ada, workstation)
    content = await asyncio.to_thread(archive.read_bytes)

    image = await ada.import_image(workstation, await ada.upload(content[: len(content) // 2]))

    assert (image["state"], image["reason"]) == ("FAILED", "The archive ends too early; upload it again.")
    assert await active_image(ada, workstation) == before


async def test_broken_upload_can_be_repeated(ada: ApiClient, archive: Path) -> None:
    announced = await ada.ask(documents.UPLOAD_CREATE, filename=archive.name)
    parts = urlsplit(announced["url"])
    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 1000\r\n\r\nabc"
    writer.write(head.encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    assert (await ada.ask(documents.UPLOAD, id=announced["upload"]["id"]))["state"] == "WAITING"
    async with httpx2.AsyncClient(trust_env=False) as http:
        assert (await http.put(announced["url"], content=b"all of it")).status_code == 201
        again = await http.put(announced["url"], content=b"other bytes")
        assert (again.status_code, again.text) == (
            409,
            "This upload is complete. Create another one for other bytes.\n",
        )
        forged = await http.put(announced["url"][:-1] + "_", content=b"other bytes")
        assert forged.status_code == 403


async def test_upload_can_be_reused_after_wrong_port(ada: ApiClient, archive: Path) -> None:
    workstation = await ada.workstation("Wrong port")
    upload = await ada.upload(archive)

    wrong = await ada.import_image(workstation, upload, httpPort=9999)
    right = await ada.import_image(workstation, upload)

    assert wrong["state"] == "FAILED"
    assert wrong["reason"] == (
        "The image does not declare port 9999; it declares 4114, 8080. Choose one of these, or add EXPOSE."
    )
    assert right["state"] == "READY"


async def test_an_impossible_port_is_refused_at_once(ada: ApiClient, workstation: str) -> None:
    upload = await ada.upload(b"anything")
    fields_with_defaults = {"workstationId": workstation, "uploadId": upload, "httpPort": 70_000}

    refused = await ada.ask(documents.IMAGE_CREATE, input=fields_with_defaults)

    (error,) = refused["errors"]
    assert (error["code"], error["message"]) == ("BAD_USER_INPUT", "A port is a number from 1 to 65535.")
    assert error["path"][-1] == "httpPort"
    assert (await ada.ask(documents.UPLOAD, id=upload))["state"] == "COMPLETE"


@pytest.fixture
def unresponsive_archive(docker_host: str, tmp_path: Path) -> Iterator[Path]:
    """An archive of an image that runs and never responds."""
    docker_service.workstation_image()
    engine, tag, file = docker.APIClient(docker_host, timeout=120), "carrel/e2e-mute:latest", tmp_path / "mute.tar"
    list(engine.build(fileobj=io.BytesIO(MUTE), tag=tag, rm=True, decode=True))
    with file.open("wb") as output:
        output.writelines(engine.get_image(tag))
    yield file
    engine.remove_image(tag)
    engine.close()


async def test_unresponsive_image_fails_and_frees_its_slot(
    ada: ApiClient, workstation: str, unresponsive_archive: Path
) -> None:
    mute = await ada.workstation("Mute")
    assert (await ada.import_image(mute, await ada.upload(unresponsive_archive)))["state"] == "READY"

    failed = await ada.wait_for_state(await ada.request_session(mute, region=SMALL_REGION), "FAILED")

    assert (failed["reasonCode"], failed["reason"]) == (
        "NEVER_ANSWERED",
        "The workstation did not answer within 4 s.",
    )
    assert "Hm." in failed["logs"]
    await ada.stop(await ada.launch(workstation, region=SMALL_REGION))


@pytest.mark.parametrize(
    ("host", "status", "sentence"),
    [
        ("127.0.0.1", 404, "No session has this address."),
        ("example.org", 404, "No session has this address."),
        ("a.b.{domain}", 404, "No session has this address."),
        ("nobody.{domain}", 401, "Sign in first, or send a valid token of the session's owner."),
    ],
)
async def test_unknown_host_name_is_not_found(
    host: str, status: int, sentence: str, installation: Installation, ada: ApiClient, workstation: str
) -> None:
    session = await ada.launch(workstation)
    name = host.format(domain=urlsplit(installation.settings.sessions_url).netloc)

    refused = await ada.visit(session, Host=name)

    assert (refused.status_code, refused.json()["message"]) == (status, sentence)
    assert (await ada.visit(session, "/healthz")).status_code == 200
    await ada.stop(session)


async def enter(session: Launched, address: str) -> httpx2.Response:
    """Request a session's entry address, without a cookie."""
    parts = urlsplit(address)
    async with httpx2.AsyncClient(trust_env=False) as http:
        return await http.get(
            f"http://127.0.0.1:{parts.port}{parts.path}?{parts.query}", headers={"Host": urlsplit(session.url).netloc}
        )


async def test_ticket_works_once_and_forged_never(ada: ApiClient, eve: ApiClient, workstation: str) -> None:
    sentence = "This link was used before, is too old, or was made for another browser."
    mine, theirs = await asyncio.gather(ada.launch(workstation), eve.launch(workstation))
    address = str((await ada.ask(documents.OPEN, id=mine.id))["url"])
    another = str((await ada.ask(documents.OPEN, id=mine.id))["url"])

    entered = await enter(mine, address)
    used = await enter(mine, address)
    forged = await enter(mine, address[:-4] + "AAAA")
    elsewhere = await enter(theirs, another)

    assert (entered.status_code, entered.headers["location"]) == (303, "/app/")
    for refused in (used, forged, elsewhere):
        assert (refused.status_code, refused.json()["message"]) == (403, sentence)
        assert "set-cookie" not in refused.headers
    assert (await ada.read(mine))["state"] == "RUNNING"
    await asyncio.gather(ada.stop(mine), eve.stop(theirs))


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (
            "{" + "".join(f"a{number}: viewer {{ username }} " for number in range(40)) + "}",
            "This operation has 40 aliases; at most 30 are allowed.",
        ),
        (
            "{ sessions(first: 100) { nodes { image { workstation { images(first: 100) { nodes { id } } } } } } }",
            (
                "This operation costs 10401 points; at most 10000 are allowed. "
                "Ask for smaller pages (first, last) or fewer fields."
            ),
        ),
        (
            "mutation { " + "".join(f'm{number}: uploadCreate(filename: "x") {{ url }} ' for number in range(6)) + "}",
            "This operation has 6 mutations; at most 5 are allowed at once.",
        ),
        (
            "{ viewer { " + "kind " * 3000 + "} }",
            "Syntax Error: Document contains more than 2000 tokens. Parsing aborted.",
        ),
    ],
    ids=["aliases", "cost", "mutations", "tokens"],
)
async def test_a_query_over_the_limits_is_refused_whole(document: str, sentence: str, ada: ApiClient) -> None:
    answer = (await ada.reply(document)).json()

    (error,) = answer["errors"]
    assert error["message"] == sentence
    assert error["extensions"]["code"] == "COST_LIMIT"
    assert "data" not in answer
    assert (await ada.ask(documents.VIEWER))["username"] == "ada"
