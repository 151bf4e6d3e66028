"""Shared results show each user the names of their own files."""

import hashlib
import json
from typing import Any

from models.data.dataoperations import DataOperation
from models.data.input_labels import labels
from models.data.results import Result
from operations.framework.keys import datalab_key
from schema.graphql.node import encode
from tests.jobs.data.job_env import frame
from tests.schema.computing import CREATE, RUN, mutate, operation_events, upload_file, worker
from tests.schema.served import Served

VALUES = (1, 2)
BYTES = [frame(value) for value in VALUES]
NAMES = {"ada": ["moon-1.fits", "moon-2.fits"], "eve": ["sun-1.fits", "sun-2.fits"]}
LABELS = labels([hashlib.sha256(content).hexdigest() for content in BYTES])
COSMIC = ("Cosmic Ray Rejection", "input_files", {"gain": 1, "read_noise": 1})
COLOR = ("Color Image", "color_channels", {})
LIST = """query($id: ID!) { datasession(id: $id) { operations(orderBy: {field: CREATED_AT, direction: ASC}) { nodes {
  id state message output warnings inputLabels { label name } datalabKey resultKey result { id data }
} } } }"""
ONE = """query($id: ID!) { node(id: $id) { ... on DataOperation { output warnings result { data } } } }"""
RESULT = "query($id: ID!) { node(id: $id) { ... on Result { data } } }"


async def computed(served: Served, who: str, *operations: tuple[str, str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Upload the frames under a user's file names, run operations, and return the nodes of the data session.

    Eve uploads the last frame first.
    """
    brought = list(zip(BYTES, NAMES[who], strict=True))
    brought = brought[::-1] if who == "eve" else brought
    files = [await upload_file(served, who, content, name) for content, name in brought]
    session = (await mutate(served, who, CREATE, name="Sky", data=files))["datasession"]["id"]
    for name, key, inputs in operations:
        made = await mutate(served, who, RUN, id=session, name=name, inputs={key: files, **inputs})
        last = (await operation_events(served, who, made["operation"]["id"]))[-1]
        assert last["state"] == "SUCCEEDED", last
    nodes: list[dict[str, Any]] = (await served.ask(who, LIST, id=session))["data"]["datasession"]["operations"][
        "nodes"
    ]
    return nodes


async def test_shared_result_shows_the_readers_file_names(served: Served) -> None:
    async with worker(served):
        found = {who: await computed(served, who, COSMIC, COLOR) for who in NAMES}

    assert found["ada"][0]["result"]["id"] == found["eve"][0]["result"]["id"]
    assert await Result.all().count() == 2
    for who, (cosmic, color) in found.items():
        rows = [{"basename": name, "hit_pixels": 0} for name in NAMES[who]]
        assert cosmic["output"] == cosmic["result"]["data"] == {"frames": rows}
        assert [each["name"] for each in cosmic["inputLabels"]] == NAMES[who]
        assert [each["label"] for each in cosmic["inputLabels"]] == LABELS
        assert [warning.split(" is not aligned")[0] for warning in color["warnings"]] == NAMES[who][1:]
        one = (await served.ask(who, ONE, id=cosmic["id"]))["data"]["node"]
        assert one["output"] == one["result"]["data"] == {"frames": rows}
        assert (await served.ask(who, ONE, id=color["id"]))["data"]["node"]["warnings"] == color["warnings"]
        alone = (await served.ask(who, RESULT, id=cosmic["result"]["id"]))["data"]["node"]["data"]
        assert [row["basename"] for row in alone["frames"]] == LABELS, "read for no operation it has no names"
    other = {"ada": "sun", "eve": "moon"}
    assert not [who for who in NAMES if other[who] in json.dumps(found[who])]


async def test_uploads_are_ordered_by_name(sqlite_api: Served) -> None:
    sessions = {}
    for who, order in (("ada", range(12)), ("eve", reversed(range(12)))):
        files = {at: await upload_file(sqlite_api, who, frame(at), f"{who}-{at:02d}.fits") for at in order}
        session = (await mutate(sqlite_api, who, CREATE, name="Sky", data=[]))["datasession"]["id"]
        sessions[who] = (session, [files[at] for at in range(12)])

    for who, (session, files) in sessions.items():
        sent = {"input_files": [*files[6:], *files[:6]]}
        made = await mutate(sqlite_api, who, RUN, id=session, name="Normalization", inputs=sent)
        items = made["operation"]["inputs"]["input_files"]
        assert [item["basename"] for item in items] == [file["basename"] for file in files]


async def test_outputs_are_ordered_by_creation(sqlite_api: Served) -> None:
    async with worker(sqlite_api):
        (made, *_) = await computed(sqlite_api, "ada", ("Median", "input_files", {}))
    again = await DataOperation.get()
    many = [{"source": "datasession", "basename": f"{made['id']}-0"}]
    for _ in range(11):
        row = await DataOperation.create(
            datasession_id=again.datasession_id, creator_id=again.creator_id, name="Median", code_version="2"
        )
        many.append({"source": "datasession", "basename": f"{encode('DataOperation', row.id)}-0"})
    session = encode("Datasession", again.datasession_id)

    sent = {"input_files": list(reversed(many))}
    queued = (await mutate(sqlite_api, "ada", RUN, id=session, name="Median", inputs=sent))["operation"]

    assert [item["basename"] for item in queued["inputs"]["input_files"]] == [item["basename"] for item in many]


async def test_datalab_key_differs_by_user(sqlite_api: Served) -> None:
    datalab = ("Median", "input_files", {"compatibility": "datalab"})
    plain = ("Median", "input_files", {})
    async with worker(sqlite_api):
        found = {who: await computed(sqlite_api, who, datalab, plain) for who in NAMES}

    (adas, _), (eves, _) = found["ada"], found["eve"]
    assert adas["resultKey"] == eves["resultKey"]
    assert adas["datalabKey"] != eves["datalabKey"]
    files = [{"source": "upload", "basename": encode("Upload", key)} for key in (1, 2)]
    assert adas["datalabKey"] == datalab_key("Median", {"input_files": files})
    assert [nodes[1]["datalabKey"] for nodes in found.values()] == [None, None]
