"""Bad input gets one clear sentence and loses nothing."""

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
from tests.e2e.caller import Caller, Launched
from tests.e2e.installation import NARROW, House

MUTE = b'FROM carrel/workstation:latest\nCMD ["python3", "-uc", "import time; print(\'Hm.\'); time.sleep(600)"]\n'


def two_images() -> bytes:
    """An archive as `docker save ONE TWO` writes it."""
    files: dict[str, bytes] = {}
    entries = []
    for recipe in (Recipe(), Recipe(top={"os": "linux", "architecture": "amd64", "author": "another"})):
        files |= recipe.docker()
        entries.append(files["manifest.json"].strip(b"[]"))
    return tar({**files, "manifest.json": b"[" + b",".join(entries) + b"]"})


def of_root() -> bytes:
    """An archive of an image that says nothing of its user."""
    recipe = Recipe()
    del recipe.run["User"]
    return tar(recipe.docker())


BAD_ARCHIVES = {
    "two images": (two_images(), "The archive holds 2 images; save exactly one: docker save IMAGE | gzip."),
    "a root image": (of_root(), "The image runs as root; add a USER line to its Dockerfile."),
    "no archive": (as_json("hello") * 1000, "The file is not a tar archive; upload the output of docker save."),
    "another processor": (
        tar(Recipe(top={"os": "linux", "architecture": "s390x"}).docker()),
        "The image is built for s390x; this region runs amd64.",
    ),
}


async def active_image(ada: Caller, workstation: str) -> object:
    """Return the id of the image that new sessions would run."""
    return (await ada.ask(documents.ACTIVE_IMAGE, id=workstation))["activeImage"]["id"]


@pytest.mark.parametrize("name", BAD_ARCHIVES)
async def test_a_bad_archive_is_refused_and_the_active_image_stays(name: str, ada: Caller, workstation: str) -> None:
    content, sentence = BAD_ARCHIVES[name]
    before = await active_image(ada, workstation)

    image = await ada.bring(workstation, await ada.upload(content))

    assert (image["state"], image["reason"]) == ("FAILED", sentence)
    assert await active_image(ada, workstation) == before


async def test_a_truncated_archive_is_refused_and_the_active_image_stays(
    ada: Caller, workstation: str, archive: Path
) -> None:
    before = await active_image(ada, workstation)
    content = await asyncio.to_thread(archive.read_bytes)

    image = await ada.bring(workstation, await ada.upload(content[: len(content) // 2]))

    assert (image["state"], image["reason"]) == ("FAILED", "The archive ends too early; upload it again.")
    assert await active_image(ada, workstation) == before


async def test_a_broken_transfer_leaves_nothing_and_may_be_sent_again(ada: Caller, archive: Path) -> None:
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
            "This upload is complete; announce another for other bytes.\n",
        )
        forged = await http.put(announced["url"][:-1] + "_", content=b"other bytes")
        assert forged.status_code == 403


async def test_a_wrong_port_is_said_and_the_upload_is_used_again(ada: Caller, archive: Path) -> None:
    workstation = await ada.workstation("Wrong port")
    upload = await ada.upload(archive)

    wrong = await ada.bring(workstation, upload, httpPort=9999)
    right = await ada.bring(workstation, upload)

    assert wrong["state"] == "FAILED"
    assert wrong["reason"] == (
        "The image does not declare port 9999; it declares 4114, 8080. Choose one of these, or add EXPOSE."
    )
    assert right["state"] == "READY"


async def test_an_impossible_port_is_refused_at_once(ada: Caller, workstation: str) -> None:
    upload = await ada.upload(b"anything")
    given = {"workstationId": workstation, "uploadId": upload, "httpPort": 70_000}

    refused = await ada.ask(documents.IMAGE_CREATE, input=given)

    (error,) = refused["errors"]
    assert (error["code"], error["message"]) == ("BAD_USER_INPUT", "A port is a number from 1 to 65535.")
    assert error["path"][-1] == "httpPort"
    assert (await ada.ask(documents.UPLOAD, id=upload))["state"] == "COMPLETE"


@pytest.fixture
def mute_archive(docker_host: str, tmp_path: Path) -> Iterator[Path]:
    """An archive of an image that runs and never answers."""
    docker_service.workstation_image()
    engine, tag, file = docker.APIClient(docker_host, timeout=120), "carrel/e2e-mute:latest", tmp_path / "mute.tar"
    list(engine.build(fileobj=io.BytesIO(MUTE), tag=tag, rm=True, decode=True))
    with file.open("wb") as output:
        output.writelines(engine.get_image(tag))
    yield file
    engine.remove_image(tag)
    engine.close()


async def test_an_image_that_never_answers_fails_its_session_and_frees_the_place(
    ada: Caller, workstation: str, mute_archive: Path
) -> None:
    mute = await ada.workstation("Mute")
    assert (await ada.bring(mute, await ada.upload(mute_archive)))["state"] == "READY"

    failed = await ada.reaches(await ada.queue(mute, region=NARROW), "FAILED")

    assert (failed["reasonCode"], failed["reason"]) == (
        "NEVER_ANSWERED",
        "The workstation did not answer within 4 s.",
    )
    assert "Hm." in failed["logs"]
    await ada.stop(await ada.launch(workstation, region=NARROW))


@pytest.mark.parametrize(
    ("host", "status", "sentence"),
    [
        ("127.0.0.1", 404, "No session has this address."),
        ("example.org", 404, "No session has this address."),
        ("a.b.{domain}", 404, "No session has this address."),
        ("nobody.{domain}", 401, "Sign in first, or send a valid token of the one whose session this is."),
    ],
)
async def test_a_wrong_host_name_is_nobodys(
    host: str, status: int, sentence: str, house: House, ada: Caller, workstation: str
) -> None:
    session = await ada.launch(workstation)
    name = host.format(domain=urlsplit(house.settings.sessions_url).netloc)

    refused = await ada.visit(session, Host=name)

    assert (refused.status_code, refused.json()["message"]) == (status, sentence)
    assert (await ada.visit(session, "/healthz")).status_code == 200
    await ada.stop(session)


async def knock(session: Launched, address: str) -> httpx2.Response:
    """Use an address that enters a session, as a client that has no cookie yet."""
    parts = urlsplit(address)
    async with httpx2.AsyncClient(trust_env=False) as http:
        return await http.get(
            f"http://127.0.0.1:{parts.port}{parts.path}?{parts.query}", headers={"Host": urlsplit(session.url).netloc}
        )


async def test_a_ticket_opens_once_and_a_forged_one_never(ada: Caller, eve: Caller, workstation: str) -> None:
    sentence = "This link was used before, is too old, or was made for another browser."
    mine, theirs = await asyncio.gather(ada.launch(workstation), eve.launch(workstation))
    address = str((await ada.ask(documents.OPEN, id=mine.id))["url"])
    another = str((await ada.ask(documents.OPEN, id=mine.id))["url"])

    entered = await knock(mine, address)
    used = await knock(mine, address)
    forged = await knock(mine, address[:-4] + "AAAA")
    elsewhere = await knock(theirs, another)

    assert (entered.status_code, entered.headers["location"]) == (303, "/desk/")
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
async def test_a_query_over_the_limits_is_refused_whole(document: str, sentence: str, ada: Caller) -> None:
    answer = (await ada.reply(document)).json()

    (error,) = answer["errors"]
    assert error["message"] == sentence
    assert error["extensions"]["code"] == "COST_LIMIT"
    assert "data" not in answer
    assert (await ada.ask(documents.VIEWER))["username"] == "ada"
