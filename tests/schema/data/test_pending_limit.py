"""How many operations of one person wait or run at once is bounded, for each person alone."""

import asyncio

import pytest

from models.data.dataoperations import DataOperation, DataOperationState
from schema.graphql.node import encode
from tests.schema.computing import RUN, datasession, done
from tests.schema.served import Served

MOST = 3
CANCEL = "mutation($id: ID!) { operationCancel(id: $id) { operation { state } errors { code message } } }"
RERUN = "mutation($id: ID!) { operationRerun(id: $id) { operation { state } errors { code message } } }"


@pytest.fixture
def changes() -> dict[str, object]:
    """Few may be pending."""
    return {"data_operations_per_user": MOST}


async def asked(served: Served, who: str, session: str, files: list[object]) -> list[dict[str, str]]:
    """Ask for a median and return the errors."""
    answer = await served.ask(who, RUN, id=session, name="Median", inputs={"input_files": files})
    errors: list[dict[str, str]] = answer["data"]["operationCreate"]["errors"]
    return errors


async def test_of_many_at_once_as_many_are_queued_as_may_be(served: Served) -> None:
    session, files = await datasession(served)
    theirs, more = await datasession(served, "eve")

    answers = await asyncio.gather(*(asked(served, "ada", session, files) for _ in range(2 * MOST)))

    refused = [errors[0] for errors in answers if errors]
    assert len(refused) == MOST
    assert {error["code"] for error in refused} == {"CONFLICT"}
    assert refused[0]["message"].startswith("At most 3 operations of one person wait or run at once, and 3 do;")
    assert await asked(served, "eve", theirs, more) == [], "everybody has their own"
    assert await DataOperation.all().count() == MOST + 1


async def test_one_that_ended_makes_room_and_running_again_takes_it(quick: Served) -> None:
    session, files = await datasession(quick)
    for _ in range(MOST):
        assert await asked(quick, "ada", session, files) == []
    first = encode("DataOperation", (await DataOperation.all().order_by("id"))[0].id)

    await done(quick, "ada", CANCEL, id=first)
    assert await asked(quick, "ada", session, files) == []
    refused = (await quick.ask("ada", RERUN, id=first))["data"]["operationRerun"]["errors"]

    assert [error["code"] for error in refused] == ["CONFLICT"]
    assert (await DataOperation.get(state=DataOperationState.CANCELLED)).attempts == 0
    await done(quick, "ada", CANCEL, id=encode("DataOperation", (await DataOperation.all().order_by("-id"))[0].id))
    assert (await done(quick, "ada", RERUN, id=first))["operation"]["state"] == "QUEUED"
