"""The served API with a worker for data operations beside it, and what clients of data sessions do."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from core.queue import Worker
from jobs.data.context import open_laboratory
from jobs.worker_queues import DATA
from tests.jobs.data.job_env import frame
from tests.schema.served import Served

PYTHON = sys.executable
UPLOAD = "mutation($name: String!) { uploadCreate(filename: $name) { upload { id } url errors { message } } }"
CREATE = """mutation($name: String!, $data: JSON) {
  datasessionCreate(input: {name: $name, inputData: $data}) {
    datasession { id inputData } errors { code message path } }
}"""
RUN = """mutation($id: ID!, $name: String!, $inputs: JSON!) {
  operationCreate(datasessionId: $id, input: {name: $name, inputs: $inputs}) {
    operation { id state inputs } errors { code message path }
  }
}"""
FOLLOW = """subscription($id: ID!) {
  operationUpdated(id: $id) {
    state phase fraction message resultKey output warnings
    result { id state data files { name kind contentType sizeBytes sha256 url } }
    outputs { index source basename type files { name } }
  }
}"""


@asynccontextmanager
async def worker(served: Served) -> AsyncIterator[None]:
    """Run data operations while the context is open."""
    kernel = served.kernel
    async with open_laboratory(kernel.settings, kernel.storage) as laboratory:
        specs = DATA.specs(kernel.settings)
        jobs = Worker(kernel.redis, DATA.name(""), specs, {"laboratory": laboratory}, parallel=3)
        task = asyncio.create_task(jobs.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def done(served: Served, name: str, query: str, /, **variables: Any) -> Any:
    """Return the payload of a mutation that has no errors."""
    answer = await served.ask(name, query, **variables)
    assert "errors" not in answer, answer
    (payload,) = answer["data"].values()
    assert payload["errors"] == [], payload
    return payload


async def bring(served: Served, name: str, content: bytes, filename: str = "a.fits") -> dict[str, str]:
    """Upload a file as a client does, and return how it is named."""
    announced = await done(served, name, UPLOAD, name=filename)
    sent = await served.put(announced["url"], content)
    assert sent == 201
    return {"source": "upload", "basename": announced["upload"]["id"]}


async def datasession(
    served: Served, name: str = "ada", values: tuple[float, ...] = (1, 2, 9)
) -> tuple[str, list[Any]]:
    """Make a data session with frames, and return its id and its files."""
    files = [await bring(served, name, frame(value), f"{value}.fits") for value in values]
    made = (await done(served, name, CREATE, name="M13", data=files))["datasession"]
    return made["id"], [{"source": item["source"], "basename": item["basename"]} for item in made["inputData"]]


async def median(served: Served, name: str, session: str, files: list[Any]) -> str:
    """Ask for a median, and return the operation's id."""
    made = await done(served, name, RUN, id=session, name="Median", inputs={"input_files": files})
    return str(made["operation"]["id"])


async def ended(served: Served, name: str, operation: str) -> list[dict[str, Any]]:
    """Follow an operation to its end, and return all that was told."""
    return [event["data"]["operationUpdated"] async for event in served.follow(name, FOLLOW, id=operation)]
