"""Mutations with a key: done once, answered again, and never for another request."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core.clock import now
from core.database.connection import joining
from core.errors import Conflict
from models.accounts.collaborations import Collaboration
from models.accounts.idempotency_keys import IdempotencyKey
from models.accounts.organizations import Organization
from models.accounts.roles import Resource
from models.accounts.users import Token, User
from models.permissions.actor import SERVICE
from models.services.accounts import idempotency_keys, organizations
from models.sessions.sessions import Session
from models.sessions.workstations import Workstation
from schema.graphql.idempotency import heeds
from schema.graphql.node import encode
from schema.root import schema
from tests.schema.served import Served
from tests.schema.steps import ready_image

CREATE = """mutation($title: String!, $key: String!) {
  workstationCreate(input: {title: $title}) @idempotent(key: $key) { workstation { id title } errors { code message } }
}"""
LAUNCH = """mutation($id: ID!) {
  sessionLaunch(workstationId: $id) @idempotent(key: "k") { isNew session { id state } errors { code } }
}"""
TOKEN = 'mutation { tokenCreate(input: {name: "t"}) @idempotent(key: "k") { text token { id } errors { message } } }'
UPLOAD = 'mutation { uploadCreate(filename: "a.tar") @idempotent(key: "k") { url upload { id } errors { message } } }'
FOUND = 'mutation { organizationCreate(name: "Lab") @idempotent(key: "k") { organization { id } errors { message } } }'
ROLE = """mutation {
  roleCreate(input: {name: "watcher", rules: ["session:view:own"]}) @idempotent(key: "k") {
    role { id name } errors { message }
  }
}"""
TOGETHER = """mutation($ids: [ID!]!) {
  collaborationCreate(input: {name: "Together", organizationIds: $ids}) @idempotent(key: "k") {
    collaboration { id name } errors { message }
  }
}"""
REGISTER = """mutation {
  userCreate(input: {username: "zoe", password: "swordfish in the sea"}) @idempotent(key: "k") {
    user { id username } errors { message }
  }
}"""


async def _create(served: Served, title: str, key: str = "k", name: str = "ada") -> dict[str, Any]:
    answer = await served.ask(name, CREATE, title=title, key=key)
    return dict(answer["data"]["workstationCreate"])


async def test_the_same_request_is_answered_with_what_the_first_made(served: Served) -> None:
    first, second = [await _create(served, "Viewer") for _ in range(2)]

    assert first == second
    assert first["workstation"]["title"] == "Viewer"
    assert await Workstation.all().count() == 1


async def test_the_object_is_shown_as_it_is_then(served: Served) -> None:
    await _create(served, "Viewer")
    await Workstation.all().update(title="Renamed")

    assert (await _create(served, "Viewer"))["workstation"]["title"] == "Renamed"


async def test_another_request_with_the_key_is_a_conflict(served: Served) -> None:
    await _create(served, "Viewer")

    refused = await _create(served, "Notebook")

    assert [error["code"] for error in refused["errors"]] == ["CONFLICT"]
    assert "another request" in refused["errors"][0]["message"]
    assert await Workstation.all().count() == 1


async def test_keys_are_each_callers_own(served: Served) -> None:
    one = await _create(served, "Viewer")
    other = await _create(served, "Viewer", name="olive")

    assert one["workstation"]["id"] != other["workstation"]["id"]


async def test_a_request_that_failed_may_come_again(served: Served) -> None:
    refused = await _create(served, "")
    assert refused["errors"]

    assert (await _create(served, "Viewer"))["workstation"]


async def test_many_at_once_make_one_and_the_others_are_told_to_wait_or_get_it(served: Served) -> None:
    answers = await asyncio.gather(*(_create(served, "Viewer") for _ in range(8)))

    made = [answer["workstation"]["id"] for answer in answers if answer["workstation"]]
    told = [error["message"] for answer in answers for error in answer["errors"]]
    assert made
    assert len(set(made)) == 1
    assert all("in progress" in sentence for sentence in told)
    assert await Workstation.all().count() == 1


async def test_a_key_in_progress_is_a_conflict_until_its_lease_is_over(served: Served) -> None:
    made = await _create(served, "Viewer")
    await Workstation.all().delete()
    await IdempotencyKey.all().update(object_id=None)
    assert "in progress" in (await _create(served, "Viewer"))["errors"][0]["message"]

    await IdempotencyKey.all().update(lease_until=now() - timedelta(seconds=1))

    again = await _create(served, "Viewer")
    assert again["workstation"]
    assert again != made


async def test_a_day_later_the_key_is_free(served: Served) -> None:
    await _create(served, "Viewer")
    await IdempotencyKey.all().update(expires_at=now() - timedelta(seconds=1))

    await _create(served, "Notebook")

    assert await Workstation.all().count() == 2


async def test_keys_that_are_too_old_are_forgotten(served: Served) -> None:
    for key in ("old", "new"):
        await _create(served, "Viewer", key)
    await IdempotencyKey.filter(key="old").update(expires_at=now() - timedelta(seconds=1))

    assert await idempotency_keys.purge() == 1
    assert await IdempotencyKey.all().values_list("key", flat=True) == ["new"]


async def test_a_request_whose_key_was_taken_over_makes_nothing(served: Served) -> None:
    request = idempotency_keys.Request(served.users["ada"].id, "k", "organizationCreate", "f" * 64)
    slow = await idempotency_keys.claim(request)
    await IdempotencyKey.all().update(lease_until=now() - timedelta(seconds=1))
    await idempotency_keys.claim(request)

    with pytest.raises(Conflict), joining(lambda: idempotency_keys.settle_with(slow, Resource.ORGANIZATION)):
        await organizations.create("Lab", actor=SERVICE)

    assert not await Organization.filter(name="Lab").exists()


async def test_a_launch_is_repeated_with_the_same_answer(served: Served) -> None:
    image = await ready_image(served)
    workstation = encode("Workstation", image.workstation_id)

    answers = [await served.ask("ada", LAUNCH, id=workstation) for _ in range(2)]

    assert answers[0]["data"] == answers[1]["data"]
    assert answers[0]["data"]["sessionLaunch"]["isNew"] is True
    assert await Session.all().count() == 1


async def test_the_text_of_a_token_is_in_the_first_answer_only_and_nowhere_else(served: Served) -> None:
    before = await Token.all().count()
    first, second = [(await served.ask("ada", TOKEN))["data"]["tokenCreate"] for _ in range(2)]

    assert first["text"].startswith("carrel_api_")
    assert second == {**first, "text": None}
    assert await Token.all().count() == before + 1
    assert first["text"] not in str(await IdempotencyKey.all().values())


def test_every_mutation_that_makes_or_starts_something_takes_a_key() -> None:
    mutations = schema._schema.mutation_type
    assert mutations is not None
    making = {name for name in mutations.fields if name.endswith(("Create", "Launch"))}

    assert making == {name for name, field in mutations.fields.items() if heeds(field)}
    assert len(making) >= 9
    assert all("Takes `@idempotent`" in str(mutations.fields[name].description) for name in making)


async def test_a_collaboration_is_founded_once(served: Served) -> None:
    lab = (await served.ask("olive", FOUND))["data"]["organizationCreate"]["organization"]["id"]
    await IdempotencyKey.all().delete()

    first, second = [await served.ask("olive", TOGETHER, ids=[lab]) for _ in range(2)]

    assert first["data"]["collaborationCreate"]["errors"] == []
    assert first["data"] == second["data"]
    assert await Collaboration.all().count() == 1


async def test_the_other_mutations_that_make_something_take_keys(served: Served) -> None:
    for query in (UPLOAD, FOUND, REGISTER, ROLE):
        first, second = [await served.ask("olive", query) for _ in range(2)]
        (payload,) = first["data"].values()
        assert payload["errors"] == [], payload
        assert first["data"] == second["data"]
        await IdempotencyKey.all().delete()
    assert await User.filter(username="zoe").count() == 1


async def test_no_password_is_kept_with_the_key(served: Served) -> None:
    await served.ask("olive", REGISTER)

    assert "swordfish" not in str(await IdempotencyKey.all().values())


@pytest.mark.parametrize(
    "query",
    [
        'query { viewer @idempotent(key: "k") { kind } }',
        'mutation { sessionStop(id: "x") @idempotent(key: "k") { errors { code } } }',
    ],
)
async def test_where_a_key_would_not_be_heeded_it_is_refused(quick: Served, query: str) -> None:
    answer = await quick.ask("ada", query)

    assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert "does not take @idempotent" in answer["errors"][0]["message"]


@pytest.mark.parametrize("key", ["", "x" * 129])
async def test_a_key_has_a_length(quick: Served, key: str) -> None:
    answer = await _create(quick, "Viewer", key)

    assert [error["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]
