"""What was worked out once is not worked out again: counted at the schema, and at the running server."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvloop

from carrel.cli import run
from core.settings import Settings
from models.permissions.principal import Principal
from schema.execution.context import Context
from schema.root import schema
from tests.schema.execution.conftest import Library
from tests.schema.execution.sample_library import NOBODY, READER, build
from tests.schema.served import Served

QUERY = "query($n: Int = 2) { books(first: $n) { title notes } }"
TWIN = Principal(READER.kind, 77, READER.rules)


async def _contexts(*principals: Principal | None, variables: Any = None) -> list[Context]:
    built, contexts = build(), [Context(principal=each) for each in principals]
    for context in contexts:
        await built.execute(QUERY, variables, context)
    assert (built.documents.hits, built.documents.misses) == (len(contexts) - 1, 1)
    return contexts


async def test_a_document_is_parsed_validated_and_walked_once() -> None:
    contexts = await _contexts(READER, NOBODY, TWIN, None, READER)

    assert len({id(context.plan) for context in contexts}) == 1


async def test_a_document_is_cleared_once_for_all_who_hold_the_same_rules() -> None:
    reader, nobody, twin, unknown, again = await _contexts(READER, NOBODY, TWIN, None, READER)

    assert reader.clearance is twin.clearance is again.clearance
    assert len({id(each.clearance) for each in (reader, nobody, unknown)}) == 3


async def test_a_cost_is_reckoned_once_for_each_size_of_its_pages() -> None:
    built = build()
    for size in (1, 2, 1, 2, None, "many"):
        await built.execute(QUERY, {"n": size}, Context(principal=READER))
    context = Context(principal=READER)
    await built.execute(QUERY, {}, context)

    assert context.plan
    assert context.plan.points == {(1,): 1, (2,): 2, (None,): 20}


async def test_the_running_server_hits_its_caches(quick: Served) -> None:
    query = "{ viewer { username } } # of this test"
    hits, misses = schema.documents.hits, schema.documents.misses
    for _ in range(20):
        assert (await quick.ask("ada", query))["data"] == {"viewer": {"username": "ada"}}

    assert (schema.documents.hits - hits, schema.documents.misses - misses) == (19, 1)


def test_every_process_runs_on_uvloop(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> None:
    monkeypatch.setenv("CARREL_DATA_DIR", str(data_dir))
    monkeypatch.setattr(logging.root, "handlers", logging.root.handlers[:])
    monkeypatch.setattr(logging.root, "level", logging.root.level)
    loops: list[asyncio.AbstractEventLoop] = []

    async def work(_settings: Settings) -> None:
        loops.append(asyncio.get_running_loop())

    run(work)

    assert isinstance(loops[0], uvloop.Loop)


async def test_json_is_read_and_written_by_orjson(library: Library) -> None:
    async with httpx2.AsyncClient(base_url=library.url, trust_env=False) as client:
        asked = {"query": "query($t: String) { echo(text: $t) }", "variables": {"t": "é"}}
        answer = await client.post("", json=asked, headers={"authorization": "Bearer reader"})
        refused = await client.post("", content=b'{"query": NaN}', headers={"content-type": "application/json"})

    assert '{"data":{"echo":"é"}'.encode() in answer.content  # The standard library would write \\u00e9 and spaces.
    assert refused.status_code == 400  # The standard library would take NaN.
