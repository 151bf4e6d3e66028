"""Tests of mutations with an idempotency key."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core.clock import now
from core.database.connection import with_commit_hook
from core.errors import Conflict
from models.accounts.collaborations import Collaboration
from models.accounts.idempotency_keys import IdempotencyKey
from models.accounts.organizations import Organization
from models.accounts.roles import Resource
from models.accounts.tokens import Token
from models.accounts.users import User
from models.permissions.principal import SERVICE
from models.services.accounts import idempotency_keys, organizations
from models.sessions.sessions import Session
from models.sessions.workstations import Workstation
from schema.graphql.idempotency import accepts_idempotency_key
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
CREATE_ORGANIZATION = (
    'mutation { organizationCreate(name: "Lab") @idempotent(key: "k") { organization { id } errors { message } } }'
)
ROLE = """mutation {
  roleCreate(input: {name: "watcher", rules: ["session:view:own"]}) @idempotent(key: "k") {
    role { id name } errors { message }
  }
}"""
CREATE_COLLABORATION = """mutation($ids: [ID!]!) {
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


async def test_repeated_request_returns_the_first_object(served: Served) -> None:
    first, second = [await _create(served, "Viewer") for _ in range(2)]

    assert first == second
    assert first["workstation"]["title"] == "Viewer"
    assert await Workstation.all().count() == 1


async def test_replay_shows_the_current_object(served: Served) -> None:
    await _create(served, "Viewer")
    await Workstation.all().update(title="Renamed")

    assert (await _create(served, "Viewer"))["workstation"]["title"] == "Renamed"


async def test_other_request_with_same_key_conflicts(served: Served) -> None:
    await _create(served, "Viewer")

    refused = await _create(served, "Notebook")

    assert [error["code"] for error in refused["errors"]] == ["CONFLICT"]
    assert "another request" in refused["errors"][0]["message"]
    assert await Workstation.all().count() == 1


async def test_keys_are_separate_per_caller(served: Served) -> None:
    one = await _create(served, "Viewer")
    other = await _create(served, "Viewer", name="olive")

    assert one["workstation"]["id"] != other["workstation"]["id"]


async def test_failed_request_can_be_repeated(served: Served) -> None:
    refused = await _create(served, "")
    assert refused["errors"]

    assert (await _create(served, "Viewer"))["workstation"]


async def test_concurrent_requests_create_one_object(served: Served) -> None:
    answers = await asyncio.gather(*(_create(served, "Viewer") for _ in range(8)))

    created = [answer["workstation"]["id"] for answer in answers if answer["workstation"]]
    messages = [error["message"] for answer in answers for error in answer["errors"]]
    assert created
    assert len(set(created)) == 1
    assert all("in progress" in sentence for sentence in messages)
    assert await Workstation.all().count() == 1


async def test_key_in_progress_conflicts_until_lease_ends(served: Served) -> None:
    created = await _create(served, "Viewer")
    await Workstation.all().delete()
    await IdempotencyKey.all().update(object_id=None)
    assert "in progress" in (await _create(served, "Viewer"))["errors"][0]["message"]

    await IdempotencyKey.all().update(lease_until=now() - timedelta(seconds=1))

    again = await _create(served, "Viewer")
    assert again["workstation"]
    assert again != created


async def test_key_is_free_after_a_day(served: Served) -> None:
    await _create(served, "Viewer")
    await IdempotencyKey.all().update(expires_at=now() - timedelta(seconds=1))

    await _create(served, "Notebook")

    assert await Workstation.all().count() == 2


async def test_expired_keys_are_purged(served: Served) -> None:
    for key in ("old", "new"):
        await _create(served, "Viewer", key)
    await IdempotencyKey.filter(key="old").update(expires_at=now() - timedelta(seconds=1))

    assert await idempotency_keys.purge() == 1
    assert await IdempotencyKey.all().values_list("key", flat=True) == ["new"]


async def test_lost_key_lease_creates_nothing(served: Served) -> None:
    request = idempotency_keys.ReplayRequest(served.users["ada"].id, "k", "organizationCreate", "f" * 64)
    slow = await idempotency_keys.claim(request)
    await IdempotencyKey.all().update(lease_until=now() - timedelta(seconds=1))
    await idempotency_keys.claim(request)

    with (
        pytest.raises(Conflict),
        with_commit_hook(lambda: idempotency_keys.settle_with_created(slow, Resource.ORGANIZATION)),
    ):
        await organizations.create("Lab", actor=SERVICE)

    assert not await Organization.filter(name="Lab").exists()


async def test_repeated_launch_returns_the_same_session(served: Served) -> None:
    image = await ready_image(served)
    workstation = encode("Workstation", image.workstation_id)

    answers = [await served.ask("ada", LAUNCH, id=workstation) for _ in range(2)]

    assert answers[0]["data"] == answers[1]["data"]
    assert answers[0]["data"]["sessionLaunch"]["isNew"] is True
    assert await Session.all().count() == 1


async def test_token_text_is_only_in_first_response(served: Served) -> None:
    before = await Token.all().count()
    first, second = [(await served.ask("ada", TOKEN))["data"]["tokenCreate"] for _ in range(2)]

    assert first["text"].startswith("carrel_api_")
    assert second == {**first, "text": None}
    assert await Token.all().count() == before + 1
    assert first["text"] not in str(await IdempotencyKey.all().values())


def test_every_creating_mutation_accepts_a_key() -> None:
    mutations = schema._schema.mutation_type
    assert mutations is not None
    creating = {name for name in mutations.fields if name.endswith(("Create", "Launch"))}

    assert creating == {name for name, field in mutations.fields.items() if accepts_idempotency_key(field)}
    assert len(creating) >= 9
    assert all("Accepts `@idempotent`" in str(mutations.fields[name].description) for name in creating)


async def test_collaboration_is_created_once(served: Served) -> None:
    lab = (await served.ask("olive", CREATE_ORGANIZATION))["data"]["organizationCreate"]["organization"]["id"]
    await IdempotencyKey.all().delete()

    first, second = [await served.ask("olive", CREATE_COLLABORATION, ids=[lab]) for _ in range(2)]

    assert first["data"]["collaborationCreate"]["errors"] == []
    assert first["data"] == second["data"]
    assert await Collaboration.all().count() == 1


async def test_other_creating_mutations_accept_keys(served: Served) -> None:
    for query in (UPLOAD, CREATE_ORGANIZATION, REGISTER, ROLE):
        first, second = [await served.ask("olive", query) for _ in range(2)]
        (payload,) = first["data"].values()
        assert payload["errors"] == [], payload
        assert first["data"] == second["data"]
        await IdempotencyKey.all().delete()
    assert await User.filter(username="zoe").count() == 1


async def test_no_password_is_stored_with_the_key(served: Served) -> None:
    await served.ask("olive", REGISTER)

    assert "swordfish" not in str(await IdempotencyKey.all().values())


@pytest.mark.parametrize(
    "query",
    [
        'query { viewer @idempotent(key: "k") { kind } }',
        'mutation { sessionStop(id: "x") @idempotent(key: "k") { errors { code } } }',
    ],
)
async def test_key_on_other_field_is_refused(sqlite_api: Served, query: str) -> None:
    answer = await sqlite_api.ask("ada", query)

    assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert "does not accept @idempotent" in answer["errors"][0]["message"]


@pytest.mark.parametrize("key", ["", "x" * 129])
async def test_key_length_is_limited(sqlite_api: Served, key: str) -> None:
    answer = await _create(sqlite_api, "Viewer", key)

    assert [error["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]
