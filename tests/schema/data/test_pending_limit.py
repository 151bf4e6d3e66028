"""The number of pending operations is limited for each user."""

import asyncio

import pytest

from models.data.dataoperations import DataOperation, DataOperationState
from schema.graphql.node import encode
from tests.schema.computing import RUN, create_datasession, mutate
from tests.schema.served import Served

MAX_PENDING = 3
CANCEL = "mutation($id: ID!) { operationCancel(id: $id) { operation { state } errors { code message } } }"
RERUN = "mutation($id: ID!) { operationRerun(id: $id) { operation { state } errors { code message } } }"


@pytest.fixture
def changes() -> dict[str, object]:
    """Settings with a low limit of pending operations."""
    return {"data_operations_per_user": MAX_PENDING}


async def create_operation(served: Served, who: str, session: str, files: list[object]) -> list[dict[str, str]]:
    """Create a median operation and return the errors."""
    answer = await served.ask(who, RUN, id=session, name="Median", inputs={"input_files": files})
    errors: list[dict[str, str]] = answer["data"]["operationCreate"]["errors"]
    return errors


async def test_concurrent_creates_respect_pending_limit(served: Served) -> None:
    session, files = await create_datasession(served)
    theirs, more = await create_datasession(served, "eve")

    answers = await asyncio.gather(*(create_operation(served, "ada", session, files) for _ in range(2 * MAX_PENDING)))

    refused = [errors[0] for errors in answers if errors]
    assert len(refused) == MAX_PENDING
    assert {error["code"] for error in refused} == {"CONFLICT"}
    assert refused[0]["message"].startswith("One user can have at most 3 operations that wait or run, and 3 do.")
    assert await create_operation(served, "eve", theirs, more) == [], "each user has their own limit"
    assert await DataOperation.all().count() == MAX_PENDING + 1


async def test_rerun_counts_toward_pending_limit(sqlite_api: Served) -> None:
    session, files = await create_datasession(sqlite_api)
    for _ in range(MAX_PENDING):
        assert await create_operation(sqlite_api, "ada", session, files) == []
    first = encode("DataOperation", (await DataOperation.all().order_by("id"))[0].id)

    await mutate(sqlite_api, "ada", CANCEL, id=first)
    assert await create_operation(sqlite_api, "ada", session, files) == []
    refused = (await sqlite_api.ask("ada", RERUN, id=first))["data"]["operationRerun"]["errors"]

    assert [error["code"] for error in refused] == ["CONFLICT"]
    assert (await DataOperation.get(state=DataOperationState.CANCELLED)).attempts == 0
    await mutate(
        sqlite_api, "ada", CANCEL, id=encode("DataOperation", (await DataOperation.all().order_by("-id"))[0].id)
    )
    assert (await mutate(sqlite_api, "ada", RERUN, id=first))["operation"]["state"] == "QUEUED"
