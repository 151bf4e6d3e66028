"""Caches of documents, plans and costs, and the fast event loop and JSON of the running server."""

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
from schema.context import GraphQLContext
from schema.root import schema
from tests.schema.library_server import Library
from tests.schema.sample_library import OUTSIDER, READER, build
from tests.schema.served import Served

QUERY = "query($n: Int = 2) { books(first: $n) { title notes } }"
TWIN = Principal(READER.kind, 77, READER.rules)


async def _contexts(*principals: Principal | None, variables: Any = None) -> list[GraphQLContext]:
    sample, contexts = build(), [GraphQLContext(principal=each) for each in principals]
    for context in contexts:
        await sample.execute(QUERY, variables, context)
    assert (sample.document_cache.hits, sample.document_cache.misses) == (len(contexts) - 1, 1)
    return contexts


async def test_document_is_parsed_validated_and_planned_once() -> None:
    contexts = await _contexts(READER, OUTSIDER, TWIN, None, READER)

    assert len({id(context.plan) for context in contexts}) == 1


async def test_callers_with_same_rules_share_field_access() -> None:
    reader, outsider, twin, anonymous, again = await _contexts(READER, OUTSIDER, TWIN, None, READER)

    assert reader.field_access is twin.field_access is again.field_access
    assert len({id(each.field_access) for each in (reader, outsider, anonymous)}) == 3


async def test_cost_is_calculated_once_per_page_size() -> None:
    sample = build()
    for size in (1, 2, 1, 2, None, "many"):
        await sample.execute(QUERY, {"n": size}, GraphQLContext(principal=READER))
    context = GraphQLContext(principal=READER)
    await sample.execute(QUERY, {}, context)

    assert context.plan
    assert context.plan.cost_by_sizes == {(1,): 1, (2,): 2, (None,): 20}


async def test_running_server_hits_document_cache(sqlite_api: Served) -> None:
    query = "{ viewer { username } } # of this test"
    hits, misses = schema.document_cache.hits, schema.document_cache.misses
    for _ in range(20):
        assert (await sqlite_api.ask("ada", query))["data"] == {"viewer": {"username": "ada"}}

    assert (schema.document_cache.hits - hits, schema.document_cache.misses - misses) == (19, 1)


def test_every_process_runs_on_uvloop(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> None:
    monkeypatch.setenv("CARREL_DATA_DIR", str(data_dir))
    monkeypatch.setattr(logging.root, "handlers", logging.root.handlers[:])
    monkeypatch.setattr(logging.root, "level", logging.root.level)
    loops: list[asyncio.AbstractEventLoop] = []

    async def work(_settings: Settings) -> None:
        loops.append(asyncio.get_running_loop())

    run(work)

    assert isinstance(loops[0], uvloop.Loop)


async def test_orjson_reads_and_writes_json(library: Library) -> None:
    async with httpx2.AsyncClient(base_url=library.url, trust_env=False) as client:
        body = {"query": "query($t: String) { echo(text: $t) }", "variables": {"t": "é"}}
        answer = await client.post("", json=body, headers={"authorization": "Bearer reader"})
        refused = await client.post("", content=b'{"query": NaN}', headers={"content-type": "application/json"})

    assert '{"data":{"echo":"é"}'.encode() in answer.content  # json.dumps would write \\u00e9 and spaces.
    assert refused.status_code == 400  # json.loads would accept NaN.
