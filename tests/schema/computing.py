"""The served API with a worker for data operations, and client steps for data sessions."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from core.queue import Worker
from jobs.queues import DATA_QUEUE
from jobs.worker import open_data_context
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
    services = served.services
    async with open_data_context(services.settings, services.storage) as data_context:
        specs = DATA_QUEUE.specs(services.settings)
        jobs = Worker(services.redis, DATA_QUEUE.name(""), specs, {"data_context": data_context}, parallel=3)
        task = asyncio.create_task(jobs.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def mutate(served: Served, name: str, query: str, /, **variables: Any) -> Any:
    """Return the payload of a mutation that has no errors."""
    answer = await served.ask(name, query, **variables)
    assert "errors" not in answer, answer
    (payload,) = answer["data"].values()
    assert payload["errors"] == [], payload
    return payload


async def upload_file(served: Served, name: str, content: bytes, filename: str = "a.fits") -> dict[str, str]:
    """Upload a file and return its reference."""
    announced = await mutate(served, name, UPLOAD, name=filename)
    sent = await served.put(announced["url"], content)
    assert sent == 201
    return {"source": "upload", "basename": announced["upload"]["id"]}


async def create_datasession(
    served: Served, name: str = "ada", values: tuple[float, ...] = (1, 2, 9)
) -> tuple[str, list[Any]]:
    """Create a data session with frames, and return its ID and its files."""
    files = [await upload_file(served, name, frame(value), f"{value}.fits") for value in values]
    made = (await mutate(served, name, CREATE, name="M13", data=files))["datasession"]
    return made["id"], [{"source": item["source"], "basename": item["basename"]} for item in made["inputData"]]


async def run_median(served: Served, name: str, session: str, files: list[Any]) -> str:
    """Create a median operation and return its ID."""
    made = await mutate(served, name, RUN, id=session, name="Median", inputs={"input_files": files})
    return str(made["operation"]["id"])


async def operation_events(served: Served, name: str, operation: str) -> list[dict[str, Any]]:
    """Stream an operation to its end and return all events."""
    return [event["data"]["operationUpdated"] async for event in served.follow(name, FOLLOW, id=operation)]
