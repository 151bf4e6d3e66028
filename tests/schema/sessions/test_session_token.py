"""The container of a session reads the one data session that the session was launched for, and changes nothing."""

from models.accounts.organizations import MemberRole
from models.accounts.roles import Grant, ObjectRole, Resource
from models.data.datasessions import Datasession
from models.permissions.actor import SERVICE
from models.services.accounts import organizations
from models.sessions.sessions import Session
from schema.graphql.node import encode
from tests.schema.api import Api
from tests.schema.data_mutations import DATA_CASES
from tests.schema.every_mutation import CASES

LIST = """{ datasessions { nodes { id name inputData operations { nodes {
  id name state outputs { basename files { name url } }
} } } } }"""
RESULTS = "query($id: ID!) { node(id: $id) { ... on Result { files { name url } } } }"


async def test_a_notebook_lists_the_data_session_that_it_was_launched_for_and_no_other(api: Api) -> None:
    await Datasession.create(name="Another of hers", creator=api.cast.users["guest"])

    seen = (await api.ask("desk", LIST)).data["nodes"]

    assert [node["name"] for node in seen] == ["Globular cluster"]
    outputs = [output for operation in seen[0]["operations"]["nodes"] for output in operation["outputs"]]
    assert [file["name"] for output in outputs for file in output["files"]] == ["a.fits"]
    assert (await api.ask("desk", RESULTS, id=api.id("Result", api.cast.result))).data["files"]


async def test_it_sees_nothing_when_its_session_was_launched_for_none(api: Api) -> None:
    await Session.all().update(datasession_id=None)

    assert (await api.ask("desk", LIST)).data["nodes"] == []


async def test_it_sees_the_data_session_as_long_as_its_creator_does(api: Api) -> None:
    await Grant.filter(user=api.cast.users["guest"], role=ObjectRole.DATASESSION_VIEWER).delete()

    assert (await api.ask("desk", LIST)).data["nodes"] == []


async def test_it_neither_runs_nor_changes_anything(api: Api) -> None:
    for name, case in DATA_CASES.items():
        if name != "resultOpen":
            assert (await api.ask("desk", case.query, **case.variables(api))).code == "FORBIDDEN", name


async def test_a_session_is_launched_for_a_data_session_that_one_holds(api: Api) -> None:
    launch = CASES["sessionLaunch"]
    wish = {"datasessionId": api.id("Datasession", api.cast.datasession)}

    launched = await api.ask("owner", launch.query, **launch.variables(api), input=wish)
    assert launched.code is None, launched.body
    row = await Session.get(creator_id=api.cast.users["owner"].id)
    assert row.datasession_id == api.cast.datasession.id
    other = await Datasession.create(name="Other", creator=api.cast.users["owner"])
    again = {"datasessionId": api.id("Datasession", other)}
    assert (await api.ask("owner", launch.query, **launch.variables(api), input=again)).code == "CONFLICT"
    await Grant.filter(resource=Resource.WORKSTATION).update(user_id=api.cast.users["stranger"].id)
    assert (await api.ask("stranger", launch.query, **launch.variables(api), input=wish)).code == "NOT_FOUND"


async def test_what_only_a_lab_shows_is_not_lent_to_a_desk(api: Api) -> None:
    launch = CASES["sessionLaunch"]
    await Datasession.filter(id=api.cast.datasession.id).update(organization_id=api.cast.lab.id)
    await organizations.add_member(api.cast.lab, api.cast.users["operator"], MemberRole.MEMBER, actor=SERVICE)
    wish = {"datasessionId": encode("Datasession", api.cast.datasession.id)}

    refused = await api.ask("operator", launch.query, **launch.variables(api), input=wish)

    assert (refused.code, refused.path) == ("BAD_USER_INPUT", ["datasessionId"])
