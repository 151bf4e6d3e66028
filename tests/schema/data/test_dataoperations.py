"""Tests of data sessions over the API, from uploaded frames to authorized results."""

import asyncio
import hashlib
from datetime import timedelta
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from core.clock import now
from core.security import signing
from models.accounts.history import HistoryEntry
from models.data.dataoperations import DataOperation
from models.data.datasessions import Datasession
from operations.framework.registry import available
from resolvers.data.results import LINK_LIFETIME
from schema.graphql.node import encode
from tests.jobs.data.job_env import frame
from tests.schema import computing
from tests.schema.computing import create_datasession, mutate, operation_events, run_median, upload_file, worker
from tests.schema.served import Served
from tests.schema.steps import queued_operation

OPEN = """mutation($id: ID!, $names: [String!]) {
  resultOpen(id: $id, names: $names) { links { name url expiresAt } errors { code message } }
}"""
CANCEL = "mutation($id: ID!) { operationCancel(id: $id) { operation { state } errors { code message } } }"
DELETE = "mutation($id: ID!) { operationDelete(id: $id) { deletedId errors { code message } } }"
RENAME = """mutation($id: ID!, $name: String!) {
  datasessionUpdate(id: $id, name: $name) { datasession { id } errors { message } }
}"""
HOSTILE = '\\x\\N{no} """; raise SystemExit(3) #'
"""A name that must not be executed in a script."""
READ = "query($id: ID!) { datasession(id: $id) { name inputData operations { nodes { id state } } } }"
SHARE = """mutation($id: ID!, $role: ObjectRole!) {
  datasessionUserAdd(id: $id, username: "eve", role: $role) { datasession { id } errors { message } }
}"""


async def test_frames_become_a_result(served: Served) -> None:
    async with worker(served):
        session, files = await create_datasession(served)
        operation = await run_median(served, "ada", session, files)

        events = await operation_events(served, "ada", operation)

    last = events[-1]
    assert last["state"] == "SUCCEEDED", last
    assert (last["fraction"], last["phase"], len(last["resultKey"])) == (1.0, "done", 64)
    (output,) = last["outputs"]
    assert (output["source"], output["basename"], output["type"]) == ("datasession", f"{operation}-0", "fits")
    by_kind = {file["kind"]: file for file in last["result"]["files"]}
    assert by_kind["small"]["contentType"] == "image/jpeg"
    answer = await served.get(by_kind["fits"]["url"], "ada")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fits")
    assert hashlib.sha256(answer.content).hexdigest() == by_kind["fits"]["sha256"]
    with fits.open(BytesIO(answer.content)) as opened:
        assert any(hdu.data is not None and np.all(hdu.data == 2) for hdu in opened)
    read = (await served.ask("ada", READ, id=session))["data"]["datasession"]
    assert [node["state"] for node in read["operations"]["nodes"]] == ["SUCCEEDED"]


async def test_other_user_cannot_access_operation_or_result(sqlite_api: Served) -> None:
    async with worker(sqlite_api):
        session, files = await create_datasession(sqlite_api)
        operation = await run_median(sqlite_api, "ada", session, files)
        last = (await operation_events(sqlite_api, "ada", operation))[-1]
    links = (await mutate(sqlite_api, "ada", OPEN, id=last["result"]["id"]))["links"]

    assert (await sqlite_api.ask("eve", READ, id=session))["data"]["datasession"] is None
    for query, variables in (
        (CANCEL, {"id": operation}),
        (DELETE, {"id": operation}),
        (OPEN, {"id": last["result"]["id"]}),
        (computing.RUN, {"id": session, "name": "Median", "inputs": {"input_files": files}}),
    ):
        (payload,) = (await sqlite_api.ask("eve", query, **variables))["data"].values()
        assert [error["code"] for error in payload["errors"]] == ["NOT_FOUND"], query
    nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    ids = [encode(kind, key) for kind in ("Datasession", "DataOperation", "Result") for key in range(1, 10)]
    assert (await sqlite_api.ask("eve", nodes, ids=ids))["data"]["nodes"] == [None] * 27
    for name, status in (("eve", 404), (None, 401)):
        assert (await sqlite_api.get(last["result"]["files"][0]["url"], name)).status_code == status
    assert (await sqlite_api.get(links[0]["url"], "eve")).status_code == 403
    mine = (await mutate(sqlite_api, "eve", computing.CREATE, name="Mine", data=[]))["datasession"]["id"]
    for stolen in (files, [{"source": "datasession", "basename": f"{operation}-0"}] * 2):
        repeated = await sqlite_api.ask("eve", computing.RUN, id=mine, name="Median", inputs={"input_files": stolen})
        assert repeated["data"]["operationCreate"]["errors"][0]["code"] == "BAD_USER_INPUT"
    assert await DataOperation.all().count() == 1


async def test_links_are_personal_short_lived_and_recorded(sqlite_api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async with worker(sqlite_api):
        session, files = await create_datasession(sqlite_api)
        last = (await operation_events(sqlite_api, "ada", await run_median(sqlite_api, "ada", session, files)))[-1]
    await mutate(sqlite_api, "ada", SHARE, id=session, role="DATASESSION_VIEWER")

    (link,) = (await mutate(sqlite_api, "eve", OPEN, id=last["result"]["id"], names=["result.fits"]))["links"]

    assert (await sqlite_api.get(link["url"])).status_code == 200
    assert (await sqlite_api.get(link["url"], "eve")).status_code == 200
    assert (await sqlite_api.get(link["url"], "ada")).status_code == 403
    for wrong in (link["url"].replace("result.fits", "result-large.jpg"), link["url"][:-1] + "x", link["url"] + "0"):
        assert (await sqlite_api.get(wrong)).status_code in (403, 404)
    with monkeypatch.context() as later:
        later.setattr(signing, "now", lambda: now() + LINK_LIFETIME + timedelta(seconds=5))
        expired = await sqlite_api.get(link["url"])
    assert (expired.status_code, "has expired" in expired.text) == (403, True)
    entry = await HistoryEntry.filter(resource="result", action="open").get()
    assert (entry.actor_id, entry.detail["files"]) == (sqlite_api.users["eve"].id, ["result.fits"])
    taken = SHARE.replace("UserAdd", "UserRemove")
    await mutate(sqlite_api, "ada", taken, id=session, role="DATASESSION_VIEWER")
    assert (await sqlite_api.get(link["url"])).status_code == 404, "the link ends with the right to read"


async def test_files_support_ranges_and_download_names(sqlite_api: Served) -> None:
    async with worker(sqlite_api):
        session, files = await create_datasession(sqlite_api)
        last = (await operation_events(sqlite_api, "ada", await run_median(sqlite_api, "ada", session, files)))[-1]
    urls = {file["kind"]: file["url"] for file in last["result"]["files"]}
    whole = await sqlite_api.get(urls["fits"], "ada")

    part = await sqlite_api.get(urls["fits"], "ada", Range="bytes=10-19")
    end = await sqlite_api.get(urls["fits"], "ada", Range="bytes=-5")
    beyond = await sqlite_api.get(urls["fits"], "ada", Range=f"bytes={len(whole.content)}-")
    head = await sqlite_api.get(urls["fits"], "ada", "HEAD")

    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
    assert (end.status_code, end.content) == (206, whole.content[-5:])
    assert beyond.status_code == 416
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(whole.content)), b"")
    assert whole.headers["content-disposition"] == 'attachment; filename="result.fits"'
    assert (await sqlite_api.get(urls["small"], "ada")).headers["content-disposition"].startswith("inline")
    assert whole.headers["x-content-type-options"] == "nosniff"
    again = await sqlite_api.get(urls["fits"], "ada", **{"If-None-Match": whole.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("scheme", ["Token", "Bearer"])
async def test_bearer_and_token_schemes_are_accepted(sqlite_api: Served, scheme: str) -> None:
    header = {"Authorization": f"{scheme} {sqlite_api.tokens['ada']}", "Content-Type": "application/json"}

    answer = await sqlite_api.get("/graphql?query={viewer{username}}", **header)

    assert answer.json()["data"]["viewer"]["username"] == "ada"


async def test_invalid_request_queues_no_job(sqlite_api: Served) -> None:
    session, files = await create_datasession(sqlite_api)
    cases: list[tuple[dict[str, Any], list[str], str]] = [
        ({"name": "Magic", "inputs": {}}, ["name"], "Choose one of"),
        ({"name": "Median", "inputs": {"frames": files}}, ["inputs", "frames"], "input_files"),
        ({"name": "Median", "inputs": {"input_files": files[:1]}}, ["inputs", "input_files"], "at least 2"),
        (
            {"name": "Median", "inputs": {"input_files": [files[0], {**files[1], "source": "moon"}]}},
            ["inputs", "input_files", "1", "source"],
            "archive, upload, storage, datasession",
        ),
    ]
    for variables, path, word in cases:
        refused = (await sqlite_api.ask("ada", computing.RUN, id=session, **variables))["data"]["operationCreate"][
            "errors"
        ]
        assert refused[0]["path"] == path
        assert word in refused[0]["message"]
        assert refused[0]["message"].endswith(".")
    assert await DataOperation.all().count() == 0


async def test_each_operation_has_a_wizard_description(sqlite_api: Served) -> None:
    query = """{ wizardDescriptions availableOperations {
      name description category version inputs { key name type isRequired minimum maximum options default wizard }
    } }"""

    data = (await sqlite_api.ask("ada", query))["data"]

    assert (
        list(data["wizardDescriptions"]) == list(available()) == [each["name"] for each in data["availableOperations"]]
    )
    wizard = data["wizardDescriptions"]["Median"]
    assert set(wizard) == {"name", "description", "category", "inputs"}
    assert wizard["inputs"]["input_files"].items() >= {"type": "fits", "minimum": 2, "maximum": 999}.items()


async def test_idempotency_key_creates_one_operation(sqlite_api: Served) -> None:
    session, files = await create_datasession(sqlite_api)
    query = computing.RUN.replace("}) {\n    operation", '}) @idempotent(key: "k") {\n    operation')

    made = [
        await mutate(sqlite_api, "ada", query, id=session, name="Median", inputs={"input_files": files})
        for _ in range(2)
    ]

    assert made[0]["operation"]["id"] == made[1]["operation"]["id"]
    assert await DataOperation.all().count() == 1


async def test_datasession_is_filtered_and_access_is_recorded(sqlite_api: Served) -> None:
    session, _ = await create_datasession(sqlite_api)
    await mutate(sqlite_api, "ada", computing.CREATE, name="Pleiades", data=[])
    query = "query($where: DatasessionWhere) { datasessions(where: $where) { totalCount nodes { name } } }"
    for where, names in (
        ({"name": {"contains": "m1"}}, ["M13"]),
        ({"name": {"eq": "Pleiades"}}, ["Pleiades"]),
        ({"createdAt": {"gte": "2020-01-01T00:00:00Z"}, "modifiedAt": {"lt": "2020-01-01T00:00:00Z"}}, []),
        (None, ["Pleiades", "M13"]),
    ):
        found = (await sqlite_api.ask("ada", query, where=where))["data"]["datasessions"]
        assert [node["name"] for node in found["nodes"]] == names
    await Datasession.all().update(accessed_at="2020-01-01T00:00:00+00:00")

    await sqlite_api.ask("ada", READ, id=session)
    (first,) = await Datasession.filter(name="M13").values_list("accessed_at", flat=True)
    await sqlite_api.ask("ada", READ, id=session)

    assert first.year > 2020
    assert await Datasession.filter(name="M13", accessed_at=first).exists(), "not written again within the hour"


async def test_datasession_stream_includes_its_operations(sqlite_api: Served) -> None:
    operation = await queued_operation(sqlite_api)
    session = encode("Datasession", operation.datasession_id)
    query = """subscription($id: ID!) { datasessionUpdated(id: $id) { name operations { nodes { state } } } }"""
    stream = sqlite_api.follow("ada", query, id=session)
    first = (await anext(stream))["data"]["datasessionUpdated"]

    await sqlite_api.ask("ada", CANCEL, id=encode("DataOperation", operation.id))
    second = (await asyncio.wait_for(anext(stream), 5))["data"]["datasessionUpdated"]

    assert [node["state"] for node in first["operations"]["nodes"]] == ["QUEUED", "QUEUED"]
    assert [node["state"] for node in second["operations"]["nodes"]] == ["QUEUED", "CANCELLED"]
    await sqlite_api.ask("ada", "mutation($id: ID!) { datasessionDelete(id: $id) { errors { message } } }", id=session)
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(anext(stream), 5)


async def test_bulk_cancel_and_delete_return_one_result_each(sqlite_api: Served) -> None:
    mine, theirs = await queued_operation(sqlite_api), await queued_operation(sqlite_api, "eve")
    ids = [encode("DataOperation", row.id) for row in (mine, theirs)]
    query = """mutation($ids: [ID!]!, $policy: ErrorPolicy!) { operationsDelete(ids: $ids, errorPolicy: $policy) {
      results { id operation { state } errors { code } } errors { code } } }"""

    rejected = await sqlite_api.ask("ada", query, ids=ids, policy="REJECT_EVERYTHING")
    results = rejected["data"]["operationsDelete"]["results"]
    assert [[error["code"] for error in each["errors"]] for each in results] == [[], ["NOT_FOUND"]]
    assert results[0]["operation"] == {"state": "QUEUED"}
    assert await DataOperation.filter(id=mine.id).exists()

    await sqlite_api.ask("ada", query, ids=ids, policy="IGNORE_FAILED")
    assert not await DataOperation.filter(id=mine.id).exists()
    assert await DataOperation.filter(id=theirs.id).exists()


async def test_exported_script_reproduces_the_result(sqlite_api: Served, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("script")
    async with worker(sqlite_api):
        session, files = await create_datasession(sqlite_api)
        await mutate(sqlite_api, "ada", RENAME, id=session, name=HOSTILE)
        first = await run_median(sqlite_api, "ada", session, files)
        extra = await upload_file(sqlite_api, "ada", frame(4), "extra.fits")
        second = await run_median(
            sqlite_api, "ada", session, [{"source": "datasession", "basename": f"{first}-0"}, extra]
        )
        last = (await operation_events(sqlite_api, "ada", second))[-1]
    assert last["state"] == "SUCCEEDED", last
    for name, value in (("1", 1), ("2", 2), ("9", 9), ("extra", 4)):
        (folder / f"{name}.fits").write_bytes(frame(value))

    query = "query($id: ID!) { datasessionScript(id: $id) }"
    script = (await sqlite_api.ask("ada", query, id=session))["data"]["datasessionScript"]
    assert script.splitlines()[0] == f"# {HOSTILE}"
    (folder / "again.py").write_text(script)
    process = await asyncio.create_subprocess_exec(computing.PYTHON, "again.py", cwd=folder)

    assert await process.wait() == 0
    with fits.open(folder / "02-median.fits") as opened:
        assert np.all(opened[0].data == 3)
    assert (await sqlite_api.ask("eve", query, id=session))["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_stored_archive_token_shows_only_its_expiry(sqlite_api: Served) -> None:
    keep = 'mutation { archiveTokenSet(token: "swordfish", seconds: 600) { isKept keptUntil errors { message } } }'
    when = "{ archiveTokenKeptUntil }"

    stored = await mutate(sqlite_api, "ada", keep)
    assert (await sqlite_api.ask("ada", when))["data"]["archiveTokenKeptUntil"] == stored["keptUntil"]
    assert (await sqlite_api.ask("eve", when))["data"]["archiveTokenKeptUntil"] is None
    history = await sqlite_api.ask("ada", "{ history { nodes { action detail } } }")
    assert "keep_source_token" in str(history)
    assert "swordfish" not in str(history)
    await mutate(sqlite_api, "ada", "mutation { archiveTokenRemove { isKept errors { message } } }")

    assert (await sqlite_api.ask("ada", when))["data"]["archiveTokenKeptUntil"] is None


async def test_rerun_stops_where_caller_cannot_edit(sqlite_api: Served) -> None:
    rerun = "mutation($id: ID!) { operationRerun(id: $id) { operation { state } errors { code message } } }"
    async with worker(sqlite_api):
        session, files = await create_datasession(sqlite_api)
        first = await run_median(sqlite_api, "ada", session, files)
        second = await run_median(
            sqlite_api, "ada", session, [{"source": "datasession", "basename": f"{first}-0"}, files[0]]
        )
        await mutate(sqlite_api, "ada", SHARE, id=session, role="DATASESSION_VIEWER")
        theirs, more = await create_datasession(sqlite_api, "eve", (5,))
        third = await run_median(
            sqlite_api, "eve", theirs, [{"source": "datasession", "basename": f"{first}-0"}, *more]
        )
        for name, operation in (("ada", second), ("eve", third)):
            assert (await operation_events(sqlite_api, name, operation))[-1]["state"] == "SUCCEEDED"
    before = await DataOperation.all().order_by("id").values_list("result_id", flat=True)

    assert (await mutate(sqlite_api, "ada", rerun, id=first))["operation"]["state"] == "QUEUED"
    refused = (await sqlite_api.ask("eve", rerun, id=first))["data"]["operationRerun"]

    rows = await DataOperation.all().order_by("id")
    assert [row.state.value for row in rows] == ["queued", "queued", "succeeded"]
    assert rows[2].result_id == before[2]
    assert refused is None, "eve sees it and may not run it again"
