"""Equal work is done once, whatever files are called and wherever they come from; each person sees their own names."""

import asyncio
import gzip
import hashlib
import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from core.messaging import outbox
from core.messaging.outbox import OutboxMessage
from core.settings import Settings
from core.storage.object_store import Storage
from examples import starfield
from jobs.data.input_files import LOCATING
from models.data.dataoperations import DataOperation, DataOperationState
from models.data.input_labels import labels
from models.data.results import Result, ResultState
from models.policies.data import results as policy
from models.services.accounts import users
from operations.framework.keys import NAMES
from tests.jobs.data.job_env import Data, frame
from tests.waiting import eventually

S = DataOperationState
VALUES = (1, 2, 9)
BYTES = [frame(value) for value in VALUES]
ADAS = [f"adamoon {{0}}[{value}]+(é)$&.fits" for value in VALUES]
EVES = [f"evesun-{value}.fits" for value in VALUES]
SECRETS = ("adamoon", "evesun")
ADDRESS = "file://"


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    """A folder that all who compute here may read."""
    (tmp_path / "allowed").mkdir()
    return tmp_path / "allowed"


@pytest.fixture
def settings(settings: Settings, allowed: Path) -> Settings:
    """Files are read there as well."""
    return settings.model_copy(update={"data_prefixes": f"{ADDRESS}{allowed}"})


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """Where Gossip leaves a line for each run."""
    return tmp_path / "runs"


async def uploaded(data: Data, names: Sequence[str] = ADAS, contents: Sequence[bytes] = BYTES) -> list[dict[str, str]]:
    """Let Ada bring files."""
    return [await data.upload(content, "ada", name) for name, content in zip(names, contents, strict=True)]


def stored(allowed: Path, names: Sequence[str] = EVES, contents: Sequence[bytes] = BYTES) -> list[dict[str, str]]:
    """Put files where Eve finds them in the storage."""
    for name, content in zip(names, contents, strict=True):
        (allowed / name).write_bytes(content)
    return [{"source": "storage", "basename": f"{ADDRESS}{allowed}/{name}"} for name in names]


async def eves(data: Data, name: str, files: list[dict[str, str]], **inputs: Any) -> DataOperation:
    """Queue an operation in a data session of Eve's."""
    return await data.queue(name, "eve", await data.session_of("eve"), input_files=files, **inputs)


def seen(row: DataOperation, result: Result) -> dict[str, Any]:
    """Return what whoever asked for the operation is told of it."""
    return {"log": row.log, "warnings": row.named_warnings, "data": result.called(row.input_names).named_data}


def runs(mark: Path) -> str:
    """Return a line for each time that Gossip computed."""
    return mark.read_text()


async def everything(storage: Storage, result: Result) -> str:
    """Return all that was kept for a result: its row, and its files, unpacked as far as they are packed."""
    told = [json.dumps([result.files, result.data])]
    for file in result.files:
        content = b"".join([chunk async for chunk in storage.get(file["storage_key"])])
        content = gzip.decompress(content) if file["name"].endswith(".gz") else content
        told.append(content.decode("latin-1"))
        if file["kind"] == "fits":
            with fits.open(BytesIO(content)) as hdus:
                told += [f"{hdu.header!r} {hdu.data!s} {hdu.data.tobytes()!r}" for hdu in hdus[1:]]
    return "\n".join(told)


async def test_two_people_with_the_same_bytes_from_other_sources_share_one_computation(
    data: Data, allowed: Path, mark: Path
) -> None:
    first = await data.run(await data.queue("Gossip", input_files=await uploaded(data), mark=str(mark)))
    theirs = await data.run(await eves(data, "Gossip", stored(allowed), mark=str(mark)))

    assert [row.state for row in (first, theirs)] == [S.SUCCEEDED] * 2, (first.message, theirs.message)
    assert runs(mark) == "run\n", "it was computed once"
    assert first.result_id == theirs.result_id
    result = await data.result(first)
    assert result.slot == result.key == first.result_key == theirs.result_key
    for row, names in ((first, ADAS), (theirs, EVES)):
        told = seen(row, result)
        assert told["warnings"] == [f"{name} is odd." for name in names]
        assert told["data"]["excluded_images"] == names
        assert list(told["data"]["by_name"]) == names
    assert f"heard of {ADAS[0]} of '', {{}}" in first.log
    kept = await everything(data.kernel.storage, result) + str((first.warnings, theirs.warnings))
    assert labels([hashlib.sha256(content).hexdigest() for content in BYTES])[2] in kept
    assert not [secret for secret in (*SECRETS, str(allowed), "file://", "VXBsb2Fk") if secret in kept]
    assert SECRETS[0] not in str(dict(theirs))
    assert SECRETS[1] not in str(dict(first))


@pytest.mark.parametrize("storage", ["lossless", "plain"])
@pytest.mark.parametrize("compatibility", ["off", "datalab"])
async def test_no_byte_of_an_image_tells_what_its_inputs_were_called(
    data: Data, allowed: Path, storage: str, compatibility: str
) -> None:
    modes = {"storage": storage, "compatibility": compatibility}
    first = await data.run(await data.queue("Median", input_files=await uploaded(data), **modes))
    theirs = await data.run(await eves(data, "Median", stored(allowed), **modes))

    assert first.result_id == theirs.result_id is not None
    kept = await everything(data.kernel.storage, await data.result(first))
    assert not [secret for secret in (*SECRETS, "upload", "VXBsb2Fk") if secret in kept]
    with fits.open(BytesIO(await data.stored(first))) as hdus:
        record = hdus["PROVENANCE"].data
        wanted = labels([hashlib.sha256(content).hexdigest() for content in BYTES])
        history, comment = (str(hdus[at].header[card]) for at, card in ((1, "HISTORY"), (0, "COMMENT")))
        assert [name for name in wanted if name in history] == wanted
        assert f"Median of {', '.join(wanted)}" in comment.replace("\n", "")
    assert list(record["NUMBER"]) == [1, 2, 3]
    assert list(record["SHA256"]) == [hashlib.sha256(content).hexdigest() for content in BYTES]
    assert set(record.names) == {"INPUT", "NUMBER", "SHA256", "SAID"}


async def test_equal_work_at_once_under_other_names_is_done_once_and_who_waits_is_called(
    data: Data, allowed: Path, mark: Path
) -> None:
    one = await data.queue("Gossip", input_files=await uploaded(data), mark=str(mark), seconds=60.0)
    other = await eves(data, "Gossip", stored(allowed), mark=str(mark), seconds=60.0)
    called = Heard()
    with outbox.using(called):
        making = asyncio.create_task(data.run(one))
    await eventually(lambda: DataOperation.filter(id=one.id, message=f"reading {ADAS[0]}").exists(), 20)
    assert (await data.read(one)).phase == f"on {ADAS[0]}"

    waiting = await data.run(other)
    assert (waiting.state, waiting.awaited) == (S.QUEUED, (await Result.get()).id)
    mark.with_suffix(".go").touch()
    await making

    assert [message.arguments for message in called.jobs] == [[other.id]]
    row = await data.run(other)
    assert (row.state, row.result_id) == (S.SUCCEEDED, (await data.read(one)).result_id)
    assert runs(mark) == "run\n"
    assert seen(row, await data.result(row))["data"]["excluded_images"] == EVES


def test_a_process_is_told_what_is_in_the_key_and_no_more() -> None:
    assert LOCATING == NAMES


class Heard:
    """Sends nothing, and remembers what it was given."""

    def __init__(self) -> None:
        self.jobs: list[OutboxMessage] = []

    async def send(self, messages: Sequence[OutboxMessage]) -> None:
        self.jobs += [message for message in messages if message.kind is outbox.Kind.JOB]


class TestOnOneDatabase:
    """What does not depend on the kind of database."""

    pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

    async def test_who_cannot_read_the_inputs_gets_nothing(self, data: Data, allowed: Path, mark: Path) -> None:
        files = await uploaded(data)
        first = await data.run(await data.queue("Gossip", input_files=files, mark=str(mark)))
        data.people["mallory"] = await users.register("mallory", None)

        session = await data.session_of("mallory")
        row = await data.run(await data.queue("Gossip", "mallory", session, input_files=files, mark=str(mark)))

        assert (row.state, row.result_id, row.input_names, row.result_key) == (S.FAILED, None, {}, None)
        assert "no complete upload" in row.message
        assert not await policy.readable(await data.principal("mallory")).exists()
        assert first.result_id is not None

    @pytest.mark.parametrize("name", ["Gossip", "Median"])
    async def test_a_run_that_fails_names_everybodys_own_file(
        self, data: Data, allowed: Path, mark: Path, name: str
    ) -> None:
        contents = [*BYTES[:2], b"no FITS at all" if name == "Median" else BYTES[2]]
        inputs: dict[str, Any] = {} if name == "Median" else {"mark": str(mark), "seconds": 13.0}
        first = await data.run(await data.queue(name, input_files=await uploaded(data, ADAS, contents), **inputs))
        theirs = await data.run(await eves(data, name, stored(allowed, EVES, contents), **inputs))

        for row, names in ((first, ADAS), (theirs, EVES)):
            assert (row.state, row.result_id) == (S.FAILED, None)
            assert row.message.startswith(f"{names[2]} is "), row.message
        assert await Result.filter(state=ResultState.MAKING).count() == 0

    async def test_an_excluded_image_and_a_row_of_a_table_have_the_name_of_who_reads_them(
        self, data: Data, allowed: Path, tmp_path: Path
    ) -> None:
        sky = starfield.Starfield(stars=8, shape=(64, 64))
        (tmp_path / "sky").mkdir()
        contents = [path.read_bytes() for path in starfield.write(tmp_path / "sky", 3, sky)]
        contents[1] = _without_catalogue(contents[1])
        for name, inputs in (("Light Curve", {"source": sky.target}), ("Cosmic Ray Rejection", {"rounds": 1})):
            first = await data.run(await data.queue(name, input_files=await uploaded(data, ADAS, contents), **inputs))
            theirs = await data.run(await eves(data, name, stored(allowed, EVES, contents), **inputs))

            assert first.result_id == theirs.result_id is not None, (first.message, theirs.message)
            result = await data.result(first)
            for row, names in ((first, ADAS), (theirs, EVES)):
                told = seen(row, result)["data"]
                if name == "Light Curve":
                    assert told["excluded_images"] == list(told["excluded_reasons"]) == [names[1]]
                    assert [point["basename"] for point in told["light_curve"]] == [names[0], names[2]]
                else:
                    assert [each["basename"] for each in told["frames"]] == names
            kept = await everything(data.kernel.storage, result)
            assert not [secret for secret in SECRETS if secret in kept]

    async def test_files_of_one_name_and_the_same_bytes_twice_are_told_apart(self, data: Data, mark: Path) -> None:
        files = await uploaded(data, ["a.fits"] * 3, [BYTES[0], BYTES[0], BYTES[1]])

        row = await data.run(await data.queue("Gossip", input_files=files, mark=str(mark)))

        told = seen(row, await data.result(row))["data"]
        assert told["excluded_images"] == ["a.fits"] * 3
        assert len(told["by_name"]) == 3, told["by_name"]

    async def test_what_is_said_of_a_file_for_the_science_is_told_and_makes_other_work(
        self, data: Data, mark: Path
    ) -> None:
        files = await uploaded(data)
        said: list[dict[str, Any]] = [{**file, "filter": "rp"} for file in files]

        plain = await data.run(await data.queue("Gossip", input_files=files, mark=str(mark)))
        other = await data.run(await data.queue("Gossip", input_files=said, mark=str(mark)))

        assert "of '', {'filter': 'rp'}" in other.log
        assert plain.result_id != other.result_id
        assert runs(mark) == "run\n" * 2

    async def test_a_result_of_an_earlier_release_is_for_those_who_can_read_it_anyway(
        self, data: Data, allowed: Path, mark: Path
    ) -> None:
        files = await uploaded(data)
        first = await data.run(await data.queue("Gossip", input_files=files, mark=str(mark)))
        old = hashlib.sha256("\n".join((str(first.result_key), *ADAS)).encode()).hexdigest()
        await Result.filter(id=first.result_id).update(slot=old, data={"excluded_images": ADAS})

        again = await data.run(await data.queue("Gossip", input_files=files, mark=str(mark)))
        theirs = await data.run(await eves(data, "Gossip", stored(allowed), mark=str(mark)))

        assert again.result_id == first.result_id
        assert theirs.result_id != first.result_id, "its table holds the names of Ada's files"
        assert theirs.state is S.SUCCEEDED
        assert runs(mark) == "run\n" * 2
        result = await data.result(theirs)
        assert result.key == result.slot == first.result_key

    async def test_a_name_that_looks_like_a_label_is_only_a_name(self, data: Data, mark: Path) -> None:
        second = labels([hashlib.sha256(content).hexdigest() for content in BYTES])[1]
        names = [second, "b.fits", "c.fits"]

        row = await data.run(await data.queue("Gossip", input_files=await uploaded(data, names), mark=str(mark)))

        assert seen(row, await data.result(row))["data"]["excluded_images"] == names


def _without_catalogue(content: bytes) -> bytes:
    file = BytesIO()
    with fits.open(BytesIO(content)) as hdus:
        fits.HDUList([hdu for hdu in hdus if hdu.name != "CAT"]).writeto(file)
    assert np.frombuffer(file.getvalue(), "u1").size < len(content)
    return file.getvalue()
