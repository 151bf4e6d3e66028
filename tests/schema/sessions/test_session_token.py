"""The container of a session can read its data session and change nothing."""

from models.accounts.organizations import MemberRole
from models.accounts.roles import Grant, ObjectRole, Resource
from models.data.datasessions import Datasession
from models.permissions.principal import SERVICE
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


async def test_container_sees_only_its_data_session(api: Api) -> None:
    await Datasession.create(name="Another of hers", creator=api.people.users["guest"])

    seen = (await api.ask("container", LIST)).data["nodes"]

    assert [node["name"] for node in seen] == ["Globular cluster"]
    outputs = [output for operation in seen[0]["operations"]["nodes"] for output in operation["outputs"]]
    assert [file["name"] for output in outputs for file in output["files"]] == ["a.fits"]
    assert (await api.ask("container", RESULTS, id=api.id("Result", api.people.result))).data["files"]


async def test_container_without_data_session_sees_none(api: Api) -> None:
    await Session.all().update(datasession_id=None)

    assert (await api.ask("container", LIST)).data["nodes"] == []


async def test_container_loses_access_with_its_creator(api: Api) -> None:
    await Grant.filter(user=api.people.users["guest"], role=ObjectRole.DATASESSION_VIEWER).delete()

    assert (await api.ask("container", LIST)).data["nodes"] == []


async def test_container_cannot_change_data_session(api: Api) -> None:
    for name, case in DATA_CASES.items():
        if name != "resultOpen":
            assert (await api.ask("container", case.query, **case.variables(api))).code == "FORBIDDEN", name


async def test_launch_requires_access_to_data_session(api: Api) -> None:
    launch = CASES["sessionLaunch"]
    options = {"datasessionId": api.id("Datasession", api.people.datasession)}

    launched = await api.ask("owner", launch.query, **launch.variables(api), input=options)
    assert launched.code is None, launched.body
    row = await Session.get(creator_id=api.people.users["owner"].id)
    assert row.datasession_id == api.people.datasession.id
    other = await Datasession.create(name="Other", creator=api.people.users["owner"])
    again = {"datasessionId": api.id("Datasession", other)}
    assert (await api.ask("owner", launch.query, **launch.variables(api), input=again)).code == "CONFLICT"
    await Grant.filter(resource=Resource.WORKSTATION).update(user_id=api.people.users["stranger"].id)
    assert (await api.ask("stranger", launch.query, **launch.variables(api), input=options)).code == "NOT_FOUND"


async def test_organization_data_session_cannot_be_attached(api: Api) -> None:
    launch = CASES["sessionLaunch"]
    await Datasession.filter(id=api.people.datasession.id).update(organization_id=api.people.lab.id)
    await organizations.add_member(api.people.lab, api.people.users["operator"], MemberRole.MEMBER, actor=SERVICE)
    options = {"datasessionId": encode("Datasession", api.people.datasession.id)}

    refused = await api.ask("operator", launch.query, **launch.variables(api), input=options)

    assert (refused.code, refused.path) == ("BAD_USER_INPUT", ["datasessionId"])
