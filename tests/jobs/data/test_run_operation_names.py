"""Equal work runs once regardless of the names and sources of files; each user sees their own names."""

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
from jobs.data.input_files import LOCATION_FIELDS
from models.data.dataoperations import DataOperation, DataOperationState
from models.data.input_labels import labels
from models.data.results import Result, ResultState
from models.policies.data import results as policy
from models.services.accounts import users
from operations.framework.keys import IGNORED_FILE_FIELDS
from tests.jobs.data.job_env import Data, frame
from tests.waiting import eventually

VALUES = (1, 2, 9)
BYTES = [frame(value) for value in VALUES]
ADAS = [f"adamoon {{0}}[{value}]+(é)$&.fits" for value in VALUES]
EVES = [f"evesun-{value}.fits" for value in VALUES]
SECRETS = ("adamoon", "evesun")
ADDRESS = "file://"


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    """A folder that every user may read from."""
    (tmp_path / "allowed").mkdir()
    return tmp_path / "allowed"


@pytest.fixture
def settings(settings: Settings, allowed: Path) -> Settings:
    """Settings that allow the folder."""
    return settings.model_copy(update={"data_prefixes": f"{ADDRESS}{allowed}"})


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """The file to which Gossip writes a line per run."""
    return tmp_path / "runs"


async def uploaded(data: Data, names: Sequence[str] = ADAS, contents: Sequence[bytes] = BYTES) -> list[dict[str, str]]:
    """Upload files as Ada."""
    return [await data.upload(content, "ada", name) for name, content in zip(names, contents, strict=True)]


def stored(allowed: Path, names: Sequence[str] = EVES, contents: Sequence[bytes] = BYTES) -> list[dict[str, str]]:
    """Put files into the storage for Eve."""
    for name, content in zip(names, contents, strict=True):
        (allowed / name).write_bytes(content)
    return [{"source": "storage", "basename": f"{ADDRESS}{allowed}/{name}"} for name in names]


async def eves(data: Data, name: str, files: list[dict[str, str]], **inputs: Any) -> DataOperation:
    """Queue an operation as Eve."""
    return await data.queue(name, "eve", await data.session_of("eve"), input_files=files, **inputs)


def seen(row: DataOperation, result: Result) -> dict[str, Any]:
    """Return the log, warnings and table that the requester sees."""
    return {
        "log": row.log,
        "warnings": row.warnings_with_names,
        "data": result.with_input_names(row.input_names).data_with_names,
    }


def runs(mark: Path) -> str:
    """Return a line for each run of Gossip."""
    return mark.read_text()


async def everything(storage: Storage, result: Result) -> str:
    """Return the stored row and files of a result as text, decompressed."""
    texts = [json.dumps([result.files, result.data])]
    for file in result.files:
        content = b"".join([chunk async for chunk in storage.get(file["storage_key"])])
        content = gzip.decompress(content) if file["name"].endswith(".gz") else content
        texts.append(content.decode("latin-1"))
        if file["kind"] == "fits":
            with fits.open(BytesIO(content)) as hdus:
                texts += [f"{hdu.header!r} {hdu.data!s} {hdu.data.tobytes()!r}" for hdu in hdus[1:]]
    return "\n".join(texts)


async def test_equal_bytes_from_different_sources_share_one_computation(data: Data, allowed: Path, mark: Path) -> None:
    first = await data.run(await data.queue("Gossip", input_files=await uploaded(data), mark=str(mark)))
    theirs = await data.run(await eves(data, "Gossip", stored(allowed), mark=str(mark)))

    assert [row.state for row in (first, theirs)] == [DataOperationState.SUCCEEDED] * 2, (first.message, theirs.message)
    assert runs(mark) == "run\n", "it was computed once"
    assert first.result_id == theirs.result_id
    result = await data.result(first)
    assert result.slot == result.key == first.result_key == theirs.result_key
    for row, names in ((first, ADAS), (theirs, EVES)):
        visible = seen(row, result)
        assert visible["warnings"] == [f"{name} is odd." for name in names]
        assert visible["data"]["excluded_images"] == names
        assert list(visible["data"]["by_name"]) == names
    assert f"heard of {ADAS[0]} of '', {{}}" in first.log
    kept = await everything(data.services.storage, result) + str((first.warnings, theirs.warnings))
    assert labels([hashlib.sha256(content).hexdigest() for content in BYTES])[2] in kept
    assert not [secret for secret in (*SECRETS, str(allowed), "file://", "VXBsb2Fk") if secret in kept]
    assert SECRETS[0] not in str(dict(theirs))
    assert SECRETS[1] not in str(dict(first))


@pytest.mark.parametrize("storage", ["lossless", "plain"])
@pytest.mark.parametrize("compatibility", ["off", "datalab"])
async def test_output_bytes_do_not_contain_input_names(
    data: Data, allowed: Path, storage: str, compatibility: str
) -> None:
    modes = {"storage": storage, "compatibility": compatibility}
    first = await data.run(await data.queue("Median", input_files=await uploaded(data), **modes))
    theirs = await data.run(await eves(data, "Median", stored(allowed), **modes))

    assert first.result_id == theirs.result_id is not None
    kept = await everything(data.services.storage, await data.result(first))
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


async def test_concurrent_equal_work_under_other_names_runs_once(data: Data, allowed: Path, mark: Path) -> None:
    one = await data.queue("Gossip", input_files=await uploaded(data), mark=str(mark), seconds=60.0)
    other = await eves(data, "Gossip", stored(allowed), mark=str(mark), seconds=60.0)
    called = RecordingSender()
    with outbox.override_sender(called):
        making = asyncio.create_task(data.run(one))
    await eventually(lambda: DataOperation.filter(id=one.id, message=f"reading {ADAS[0]}").exists(), 20)
    assert (await data.read(one)).phase == f"on {ADAS[0]}"

    waiting = await data.run(other)
    assert (waiting.state, waiting.awaited) == (DataOperationState.QUEUED, (await Result.get()).id)
    mark.with_suffix(".go").touch()
    await making

    assert [message.arguments for message in called.jobs] == [[other.id]]
    row = await data.run(other)
    assert (row.state, row.result_id) == (DataOperationState.SUCCEEDED, (await data.read(one)).result_id)
    assert runs(mark) == "run\n"
    assert seen(row, await data.result(row))["data"]["excluded_images"] == EVES


def test_process_receives_only_what_the_key_covers() -> None:
    assert LOCATION_FIELDS == IGNORED_FILE_FIELDS


class RecordingSender:
    """A sender that records messages and sends none."""

    def __init__(self) -> None:
        self.jobs: list[OutboxMessage] = []

    async def send(self, messages: Sequence[OutboxMessage]) -> None:
        self.jobs += [message for message in messages if message.kind is outbox.MessageKind.JOB]


class TestOnOneDatabase:
    """Behaviour that does not depend on the kind of database."""

    pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

    async def test_user_without_input_access_gets_no_result(self, data: Data, allowed: Path, mark: Path) -> None:
        files = await uploaded(data)
        first = await data.run(await data.queue("Gossip", input_files=files, mark=str(mark)))
        data.people["mallory"] = await users.register("mallory", None)

        session = await data.session_of("mallory")
        row = await data.run(await data.queue("Gossip", "mallory", session, input_files=files, mark=str(mark)))

        assert (row.state, row.result_id, row.input_names, row.result_key) == (
            DataOperationState.FAILED,
            None,
            {},
            None,
        )
        assert "no complete upload" in row.message
        assert not await policy.readable(await data.principal("mallory")).exists()
        assert first.result_id is not None

    @pytest.mark.parametrize("name", ["Gossip", "Median"])
    async def test_failure_message_names_each_users_own_file(
        self, data: Data, allowed: Path, mark: Path, name: str
    ) -> None:
        contents = [*BYTES[:2], b"no FITS at all" if name == "Median" else BYTES[2]]
        inputs: dict[str, Any] = {} if name == "Median" else {"mark": str(mark), "seconds": 13.0}
        first = await data.run(await data.queue(name, input_files=await uploaded(data, ADAS, contents), **inputs))
        theirs = await data.run(await eves(data, name, stored(allowed, EVES, contents), **inputs))

        for row, names in ((first, ADAS), (theirs, EVES)):
            assert (row.state, row.result_id) == (DataOperationState.FAILED, None)
            assert row.message.startswith(f"{names[2]} is "), row.message
        assert await Result.filter(state=ResultState.MAKING).count() == 0

    async def test_warnings_and_table_use_the_readers_names(self, data: Data, allowed: Path, tmp_path: Path) -> None:
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
                visible = seen(row, result)["data"]
                if name == "Light Curve":
                    assert visible["excluded_images"] == list(visible["excluded_reasons"]) == [names[1]]
                    assert [point["basename"] for point in visible["light_curve"]] == [names[0], names[2]]
                else:
                    assert [each["basename"] for each in visible["frames"]] == names
            kept = await everything(data.services.storage, result)
            assert not [secret for secret in SECRETS if secret in kept]

    async def test_equal_names_and_equal_bytes_get_distinct_labels(self, data: Data, mark: Path) -> None:
        files = await uploaded(data, ["a.fits"] * 3, [BYTES[0], BYTES[0], BYTES[1]])

        row = await data.run(await data.queue("Gossip", input_files=files, mark=str(mark)))

        visible = seen(row, await data.result(row))["data"]
        assert visible["excluded_images"] == ["a.fits"] * 3
        assert len(visible["by_name"]) == 3, visible["by_name"]

    async def test_scientific_parameters_of_file_change_the_key(self, data: Data, mark: Path) -> None:
        files = await uploaded(data)
        said: list[dict[str, Any]] = [{**file, "filter": "rp"} for file in files]

        plain = await data.run(await data.queue("Gossip", input_files=files, mark=str(mark)))
        other = await data.run(await data.queue("Gossip", input_files=said, mark=str(mark)))

        assert "of '', {'filter': 'rp'}" in other.log
        assert plain.result_id != other.result_id
        assert runs(mark) == "run\n" * 2

    async def test_older_result_is_shared_only_with_its_readers(self, data: Data, allowed: Path, mark: Path) -> None:
        files = await uploaded(data)
        first = await data.run(await data.queue("Gossip", input_files=files, mark=str(mark)))
        old = hashlib.sha256("\n".join((str(first.result_key), *ADAS)).encode()).hexdigest()
        await Result.filter(id=first.result_id).update(slot=old, data={"excluded_images": ADAS})

        again = await data.run(await data.queue("Gossip", input_files=files, mark=str(mark)))
        theirs = await data.run(await eves(data, "Gossip", stored(allowed), mark=str(mark)))

        assert again.result_id == first.result_id
        assert theirs.result_id != first.result_id, "its table holds the names of Ada's files"
        assert theirs.state is DataOperationState.SUCCEEDED
        assert runs(mark) == "run\n" * 2
        result = await data.result(theirs)
        assert result.key == result.slot == first.result_key

    async def test_name_that_looks_like_label_stays_a_name(self, data: Data, mark: Path) -> None:
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
