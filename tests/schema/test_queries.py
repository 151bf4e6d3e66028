"""Tests of reads by list, ID and slug, with authorization and invalid input."""

from models.sessions.images import Image
from models.sessions.sessions import Session
from schema.graphql.node import encode
from tests.schema.api import Api

NODE = "query($id: ID!) { node(id: $id) { id __typename } }"
SEEN: dict[str, set[str]] = {
    "Workstation": {"operator", "owner", "editor", "guest", "container"},
    "Image": {"operator", "owner", "editor", "guest", "container"},
    "Session": {"operator", "guest", "container"},
    "Upload": {"owner"},
    "Organization": {"operator", "member", "admin"},
}


async def test_node_is_null_for_unauthorized_caller(api: Api) -> None:
    things = {
        "Workstation": api.people.workstation,
        "Image": api.people.image,
        "Session": api.people.session,
        "Upload": api.people.upload,
        "Organization": api.people.lab,
    }
    seen: dict[str, set[str]] = {kind: set() for kind in things}
    for name in (*api.people.users, "container"):
        for kind, thing in things.items():
            answer = await api.ask(name, NODE, id=api.id(kind, thing))
            if answer.data is not None:
                seen[kind].add(name)

    assert seen == SEEN


async def test_unknown_id_is_null(api: Api) -> None:
    for text in ("", "x", "V29ya3N0YXRpb246", "V29ya3N0YXRpb246LTE", "§", "x" * 5000, encode("Nothing", 1)):
        assert (await api.ask("operator", NODE, id=text)).data is None, text


async def test_out_of_range_id_is_null(api: Api) -> None:
    for kind in (
        "Workstation",
        "Session",
        "User",
        "HistoryEntry",
        "Region",
        "Token",
        "Image",
        "Upload",
        "Organization",
    ):
        for number in (2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**64):
            answer = await api.ask("operator", NODE, id=encode(kind, number))
            assert answer.data is None, (kind, number)


async def test_workstation_is_found_by_slug(api: Api) -> None:
    query = "query($slug: String!) { workstation(slug: $slug) { title activeImage { id } } }"
    for name, found in (("guest", True), ("stranger", False)):
        answer = await api.ask(name, query, slug=api.people.workstation.slug)
        assert (answer.data is not None) is found
    for slug in ("", "%", "nothing", "x" * 5000):
        answer = await api.ask("operator", query, slug=slug)
        assert answer.code in {None, "BAD_USER_INPUT"}, slug


async def test_logs_are_visible_to_creator_and_operators(api: Api) -> None:
    await Session.filter(id=api.people.session.id).update(logs="a secret")
    query = "{ sessions { nodes { logs } } }"

    for name in ("guest", "operator"):
        assert (await api.ask(name, query)).data["nodes"] == [{"logs": "a secret"}]
    assert (await api.ask("stranger", query)).data["nodes"] == []


async def test_anonymous_caller_can_only_read_viewer(api: Api) -> None:
    assert (await api.ask(None, "{ viewer { username } }")).data is None
    for query in ("{ sessions { totalCount } }", "{ users { totalCount } }", "{ history { totalCount } }"):
        answer = await api.ask(None, query)
        assert answer.code == "UNAUTHENTICATED", query


async def test_sessions_are_filtered_and_ordered(api: Api) -> None:
    query = """query($where: SessionWhere) {
      sessions(where: $where, orderBy: [{field: EXPIRES_AT, direction: ASC}]) { totalCount nodes { state } }
    }"""

    running = await api.ask("guest", query, where={"state": {"eq": "RUNNING"}})
    failed = await api.ask("guest", query, where={"state": {"oneOf": ["FAILED", "STOPPED"]}})

    assert running.code in {None, "BAD_USER_INPUT"}
    assert (running.data["totalCount"], failed.data["totalCount"]) == (1, 0)


async def test_history_of_object_without_entries_is_empty(api: Api) -> None:
    query = "query($of: ID) { history(of: $of) { totalCount } }"

    assert (await api.ask("operator", query, of=api.id("Session", api.people.session))).data["totalCount"] >= 1
    for kind in ("HistoryEntry", "Membership", "Nothing"):
        answer = await api.ask("operator", query, of=encode(kind, 1))
        assert answer.code in {None, "NOT_FOUND"}, (kind, answer.body)
    assert (await api.ask("operator", query, of="no id")).code == "NOT_FOUND"


async def test_session_shows_its_inactive_image(api: Api) -> None:
    await Image.filter(id=api.people.image.id).update(is_desired=False)

    answer = await api.ask("guest", "{ sessions { nodes { image { id isDesired } workstationUrl } } }")

    assert answer.data["nodes"][0]["image"]["isDesired"] is False
