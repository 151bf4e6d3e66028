"""Mutations over HTTP succeed for allowed callers and are refused for all others without side effects."""

import pytest

from core.messaging.outbox import OutboxMessage
from models.accounts.history import HistoryEntry
from models.accounts.organizations import Membership
from models.accounts.roles import Grant
from models.accounts.tokens import Token, TokenKind
from models.data.dataoperations import DataOperation
from models.data.datasessions import Datasession
from models.data.results import Result
from models.data.source_credentials import SourceCredential
from models.data.uploads import Upload, UploadState
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Session, SessionState
from models.sessions.workstations import Workstation
from schema.root import schema
from tests.schema.api import Api
from tests.schema.every_mutation import CASES

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
COUNTED = (
    *(Token, Grant, HistoryEntry, Image, Membership, OutboxMessage, Session, Upload, Workstation),
    *(Datasession, DataOperation, Result, SourceCredential),
)


async def _count() -> dict[str, int]:
    tokens = await Token.exclude(kind=TokenKind.API).count()
    counts = {table.__name__: await table.all().count() for table in COUNTED if table is not Token}
    refusals = await HistoryEntry.filter(action__endswith="_refused").count()
    return counts | {"Token": tokens, "HistoryEntry": counts["HistoryEntry"] - refusals}


def test_every_mutation_has_a_case() -> None:
    mutations = schema._schema.mutation_type
    assert mutations is not None

    assert set(mutations.fields) == set(CASES)


@pytest.mark.parametrize("name", CASES)
async def test_mutation_is_refused_or_succeeds(api: Api, name: str) -> None:
    case = CASES[name]
    variables = case.variables(api)
    for who in {who for who, _, _ in case.refused if who}:
        await api.headers(who)
    before = await _count()
    wrong = []

    for who, others, code in case.refused:
        answer = await api.ask(who, case.query, **{**variables, **others})
        if answer.code != code:
            wrong.append((who, str(others)[:60], answer.code, code))

    assert wrong == []
    assert await _count() == before

    answer = await api.ask(case.allowed, case.query, **variables)

    assert answer.code is None, answer.body
    payload = answer.data
    assert payload["errors"] == []
    assert all(value is not None for value in payload.values())


@SQLITE
async def test_token_can_revoke_itself(api: Api) -> None:
    text = (await api.headers("owner"))["Authorization"].split("_")[2]
    key = api.id("Token", await Token.get(key=text))
    assert (await api.ask("owner", CASES["tokenRevoke"].query, id=key)).code is None

    answer = await api.ask("owner", "{ viewer { username } }")

    assert (answer.status, answer.code) == (401, "UNAUTHENTICATED")


@SQLITE
async def test_new_token_works_with_its_scopes(api: Api) -> None:
    made = (await api.ask("owner", CASES["tokenCreate"].query, scopes=["workstation:view:own"])).data
    api.tokens["script"] = made["text"]

    assert (await api.ask("script", "{ viewer { rules } }")).data["rules"] == ["workstation:view:own"]
    refused = await api.ask("script", CASES["workstationCreate"].query)
    assert refused.code == "FORBIDDEN"


@SQLITE
async def test_narrow_token_cannot_create_wider_token(api: Api) -> None:
    made = (await api.ask("owner", CASES["tokenCreate"].query, scopes=["token:create:own", "token:view:own"])).data
    api.tokens["script"] = made["text"]

    assert (await api.ask("script", CASES["tokenCreate"].query, scopes=["session:view:own"])).code == "BAD_USER_INPUT"
    again = (await api.ask("script", CASES["tokenCreate"].query)).data
    assert again["token"]["scopes"] == ["token:create:own", "token:view:own"]


@SQLITE
async def test_second_launch_returns_the_same_session(api: Api) -> None:
    query, variables = CASES["sessionLaunch"].query, CASES["sessionLaunch"].variables(api)

    first = (await api.ask("editor", query, **variables)).data
    second = (await api.ask("editor", query, **variables)).data

    assert (first["isNew"], second["isNew"]) == (True, False)
    assert first["session"]["id"] == second["session"]["id"]


@SQLITE
async def test_unusable_image_cannot_be_launched(api: Api) -> None:
    query, variables = CASES["sessionLaunch"].query, CASES["sessionLaunch"].variables(api)
    broken = {"imageId": api.id("Image", api.people.broken)}
    older = {"imageId": api.id("Image", api.people.older)}

    assert (await api.ask("owner", query, **variables, input=broken)).code == "CONFLICT"
    assert (await api.ask("guest", query, **variables, input=older)).code == "NOT_FOUND"
    assert (await api.ask("owner", query, **variables, input=older)).code is None
    await Image.all().update(is_desired=False)
    assert (await api.ask("editor", query, **variables)).code == "CONFLICT"


@SQLITE
async def test_upload_becomes_only_one_image(api: Api) -> None:
    query, variables = CASES["imageCreate"].query, CASES["imageCreate"].variables(api)
    await api.ask("owner", query, **variables)

    again = await api.ask("owner", query, **variables)

    assert (again.code, again.path) == ("BAD_USER_INPUT", ["uploadId"])
    assert (await Upload.get(id=api.people.upload.id)).state is UploadState.USED


@SQLITE
async def test_only_ready_image_becomes_active(api: Api) -> None:
    query = CASES["imageMakeDesired"].query

    assert (await api.ask("owner", query, id=api.id("Image", api.people.broken))).code == "CONFLICT"
    assert (await api.ask("guest", query, id=api.id("Image", api.people.image))).code == "FORBIDDEN"
    await api.ask("owner", query, id=api.id("Image", api.people.older))

    desired = await Image.filter(is_desired=True, state=ImageState.READY).values_list("id", flat=True)
    assert desired == [api.people.older.id]


@SQLITE
async def test_concurrent_update_with_old_version_conflicts(api: Api) -> None:
    query, variables = CASES["workstationUpdate"].query, CASES["workstationUpdate"].variables(api)
    first = await api.ask("owner", query, **variables, title="One", version=1)
    second = await api.ask("editor", query, **variables, title="Two", version=1)

    assert (first.code, second.code) == (None, "CONFLICT")
    assert (await Workstation.get(id=api.people.workstation.id)).title == "One"


@SQLITE
async def test_researcher_made_editor_can_edit(api: Api) -> None:
    shared = CASES["workstationUserAdd"]
    await api.ask("owner", shared.query, **shared.variables(api))

    changed = await api.ask("stranger", CASES["workstationUpdate"].query, **CASES["workstationUpdate"].variables(api))

    assert changed.code is None, changed.body


@SQLITE
async def test_sharing_can_be_revoked(api: Api) -> None:
    removal = CASES["workstationUserRemove"].query
    workstation = api.id("Workstation", api.people.workstation)
    await api.ask("owner", removal, id=workstation, username="guest")

    launch = CASES["sessionLaunch"]
    assert (await api.ask("guest", launch.query, **launch.variables(api))).code == "NOT_FOUND"
    assert (await api.ask("guest", CASES["sessionStop"].query, id=api.id("Session", api.people.session))).code is None


@SQLITE
async def test_stopped_session_cannot_be_opened(api: Api) -> None:
    session = api.id("Session", api.people.session)
    stopped = (await api.ask("guest", CASES["sessionStop"].query, id=session)).data
    assert stopped["session"]["state"] == "STOPPING"
    assert (await api.ask("guest", CASES["sessionStop"].query, id=session)).code is None

    await Session.filter(id=api.people.session.id).update(state=SessionState.STOPPED)

    assert (await api.ask("guest", CASES["sessionOpen"].query, id=session)).code == "CONFLICT"


@SQLITE
async def test_refusal_has_sentence_and_trace_id(api: Api) -> None:
    answer = await api.ask(None, CASES["sessionStop"].query, **CASES["sessionStop"].variables(api))

    (error,) = answer.body["errors"]
    assert error["message"].endswith(".")
    assert len(error["extensions"]["traceId"]) == 32
