"""The example queries in GraphiQL work on a filled database."""

from models.sessions.sessions import Session, SessionState
from schema import example_queries
from tests.schema.api import Api
from tests.schema.computing import create_datasession, mutate, worker
from tests.schema.served import Served


async def test_example_queries_run_in_order(api: Api) -> None:
    me = (await api.ask("owner", example_queries.VIEWER)).body["data"]
    assert me["viewer"]["username"] == "owner"
    workstation = me["workstations"]["nodes"][0]
    assert workstation["activeImage"]["state"] == "READY"

    launched = (await api.ask("owner", example_queries.LAUNCH, workstation=workstation["id"])).data
    assert (launched["isNew"], launched["errors"]) == (True, [])
    key = launched["session"]["id"]
    assert launched["session"]["workstationUrl"].startswith("http://s")

    async with (
        api.follow("owner", example_queries.MY_SESSIONS) as mine,
        api.follow("owner", example_queries.SESSION_UPDATED, session=key) as one,
    ):
        assert [session["id"] for session in await mine.value()] == [key]
        assert (await one.value())["state"] == "QUEUED"

    extended = (await api.ask("owner", example_queries.KEEP_ALIVE, session=key)).data
    assert [error["code"] for error in extended["errors"]] == ["CONFLICT"], "the session is queued"
    assert [region["name"] for region in (await api.ask("owner", example_queries.REGIONS)).data] == ["local"]
    assert (await api.ask("owner", example_queries.STOP, session=key)).data["session"]["state"] == "STOPPED"
    history = (await api.ask("owner", example_queries.HISTORY, session=key)).data
    assert [entry["action"] for entry in history["nodes"]] == ["move", "launch"]
    assert (await api.ask("owner", example_queries.HISTORY, session=None)).data["totalCount"] > 2


async def test_workstation_and_image_are_created(api: Api) -> None:
    created = (await api.ask("owner", example_queries.CREATE)).data
    upload = (await api.ask("owner", example_queries.UPLOAD)).data
    sent = await api.http.put(upload["url"], content=b"archive")
    assert sent.status_code == 201

    image = (
        await api.ask(
            "owner", example_queries.IMPORT, workstation=created["workstation"]["id"], upload=upload["upload"]["id"]
        )
    ).data

    assert (image["errors"], image["image"]["state"]) == ([], "QUEUED")


async def test_logo_and_configuration_are_set(api: Api) -> None:
    key, picture = api.id("Workstation", api.people.workstation), api.id("Upload", api.people.picture)

    logo = (await api.ask("owner", example_queries.LOGO, workstation=key, upload=picture)).data
    configured = (await api.ask("owner", example_queries.CONFIGURE, workstation=key, configuration={"zoom": 2})).data

    assert (logo["errors"], configured["errors"], logo["workstation"]["logo"]["width"]) == ([], [], 40)
    assert configured["workstation"] == {"version": logo["workstation"]["version"] + 1, "configuration": {"zoom": 2}}


async def test_session_is_extended(api: Api) -> None:
    key = api.id("Session", api.people.session)

    extended = (await api.ask("guest", example_queries.KEEP_ALIVE, session=key)).data

    assert extended["errors"] == []
    assert 7200 <= extended["session"]["maximumSeconds"] < 7260, "counted from its start"


async def test_stranger_sees_nothing(api: Api) -> None:
    session = api.id("Session", api.people.session)

    assert (await api.ask("stranger", example_queries.VIEWER)).body["data"]["workstations"]["nodes"] == []
    assert (await api.ask("stranger", example_queries.STOP, session=session)).code == "NOT_FOUND"
    assert (await api.ask("stranger", example_queries.HISTORY, session=session)).data["nodes"] == []
    assert (await Session.get(id=api.people.session.id)).state is SessionState.RUNNING


async def test_operation_result_is_read(sqlite_api: Served) -> None:
    async with worker(sqlite_api):
        session, files = await create_datasession(sqlite_api)
        wizard = (await sqlite_api.ask("ada", example_queries.AVAILABLE_OPERATIONS))["data"]["availableOperations"]
        assert "Median" in {each["name"] for each in wizard}
        created = (await mutate(sqlite_api, "ada", example_queries.COMPUTE, session=session, files=files))["operation"]
        events = [
            event["data"]["operationUpdated"]
            async for event in sqlite_api.follow("ada", example_queries.OPERATION_UPDATED, operation=created["id"])
        ]

    assert events[-1]["state"] == "SUCCEEDED"
    links = (await mutate(sqlite_api, "ada", example_queries.LINKS, result=events[-1]["result"]["id"]))["links"]
    assert {link["name"] for link in links} == {file["name"] for file in events[-1]["result"]["files"]}
    (node,) = (await sqlite_api.ask("ada", example_queries.DATASESSIONS))["data"]["datasessions"]["nodes"]
    assert node["operations"]["nodes"][0]["outputs"][0]["basename"] == f"{created['id']}-0"
    assert (
        "01-median"
        in (await sqlite_api.ask("ada", example_queries.SCRIPT, session=session))["data"]["datasessionScript"]
    )
