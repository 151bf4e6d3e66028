"""The queries that GraphiQL opens with do what their names say, on a filled database."""

from models.sessions.sessions import Session, SessionState
from schema import example_queries
from tests.schema.api import Api
from tests.schema.computing import datasession, done, worker
from tests.schema.served import Served


async def test_the_whole_walk_runs_in_order(api: Api) -> None:
    me = (await api.ask("owner", example_queries.WHO)).body["data"]
    assert me["viewer"]["username"] == "owner"
    workstation = me["workstations"]["nodes"][0]
    assert workstation["activeImage"]["state"] == "READY"

    launched = (await api.ask("owner", example_queries.LAUNCH, workstation=workstation["id"])).data
    assert (launched["isNew"], launched["errors"]) == (True, [])
    key = launched["session"]["id"]
    assert launched["session"]["workstationUrl"].startswith("http://s")

    async with (
        api.follow("owner", example_queries.MINE) as mine,
        api.follow("owner", example_queries.FOLLOW, session=key) as one,
    ):
        assert [session["id"] for session in await mine.value()] == [key]
        assert (await one.value())["state"] == "QUEUED"

    kept = (await api.ask("owner", example_queries.KEEP_ALIVE, session=key)).data
    assert [error["code"] for error in kept["errors"]] == ["CONFLICT"], "it waits in line"
    assert [region["name"] for region in (await api.ask("owner", example_queries.REGIONS)).data] == ["local"]
    assert (await api.ask("owner", example_queries.STOP, session=key)).data["session"]["state"] == "STOPPED"
    told = (await api.ask("owner", example_queries.HISTORY, session=key)).data
    assert [entry["action"] for entry in told["nodes"]] == ["move", "launch"]
    assert (await api.ask("owner", example_queries.HISTORY, session=None)).data["totalCount"] > 2


async def test_a_workstation_is_made_and_an_upload_becomes_its_image(api: Api) -> None:
    made = (await api.ask("owner", example_queries.CREATE)).data
    announced = (await api.ask("owner", example_queries.UPLOAD)).data
    sent = await api.http.put(announced["url"], content=b"archive")
    assert sent.status_code == 201

    image = (
        await api.ask(
            "owner", example_queries.IMPORT, workstation=made["workstation"]["id"], upload=announced["upload"]["id"]
        )
    ).data

    assert (image["errors"], image["image"]["state"]) == ([], "QUEUED")


async def test_a_workstation_gets_a_logo_and_a_configuration(api: Api) -> None:
    key, picture = api.id("Workstation", api.cast.workstation), api.id("Upload", api.cast.picture)

    given = (await api.ask("owner", example_queries.LOGO, workstation=key, upload=picture)).data
    told = (await api.ask("owner", example_queries.CONFIGURE, workstation=key, configuration={"zoom": 2})).data

    assert (given["errors"], told["errors"], given["workstation"]["logo"]["width"]) == ([], [], 40)
    assert told["workstation"] == {"version": given["workstation"]["version"] + 1, "configuration": {"zoom": 2}}


async def test_the_session_of_the_walk_is_kept_alive(api: Api) -> None:
    key = api.id("Session", api.cast.session)

    kept = (await api.ask("guest", example_queries.KEEP_ALIVE, session=key)).data

    assert kept["errors"] == []
    assert 7200 <= kept["session"]["maximumSeconds"] < 7260, "counted from its start"


async def test_the_same_queries_tell_a_stranger_nothing(api: Api) -> None:
    session = api.id("Session", api.cast.session)

    assert (await api.ask("stranger", example_queries.WHO)).body["data"]["workstations"]["nodes"] == []
    assert (await api.ask("stranger", example_queries.STOP, session=session)).code == "NOT_FOUND"
    assert (await api.ask("stranger", example_queries.HISTORY, session=session)).data["nodes"] == []
    assert (await Session.get(id=api.cast.session.id)).state is SessionState.RUNNING


async def test_frames_are_computed_with_and_read(quick: Served) -> None:
    async with worker(quick):
        session, files = await datasession(quick)
        wizard = (await quick.ask("ada", example_queries.WIZARD))["data"]["availableOperations"]
        assert "Median" in {each["name"] for each in wizard}
        made = (await done(quick, "ada", example_queries.COMPUTE, session=session, files=files))["operation"]
        told = [
            event["data"]["operationUpdated"]
            async for event in quick.follow("ada", example_queries.COMPUTED, operation=made["id"])
        ]

    assert told[-1]["state"] == "SUCCEEDED"
    links = (await done(quick, "ada", example_queries.LINKS, result=told[-1]["result"]["id"]))["links"]
    assert {link["name"] for link in links} == {file["name"] for file in told[-1]["result"]["files"]}
    (shown,) = (await quick.ask("ada", example_queries.DATA))["data"]["datasessions"]["nodes"]
    assert shown["operations"]["nodes"][0]["outputs"][0]["basename"] == f"{made['id']}-0"
    assert "01-median" in (await quick.ask("ada", example_queries.SCRIPT, session=session))["data"]["datasessionScript"]
