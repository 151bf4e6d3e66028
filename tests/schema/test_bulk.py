"""Tests of bulk mutations: one result per object, and both error policies."""

from typing import Any

from models.accounts.organizations import MemberRole, Membership
from models.accounts.roles import Grant, ObjectRole
from models.accounts.tokens import Token, TokenKind
from models.permissions.principal import SERVICE
from models.services.accounts import organizations, tokens, users
from models.sessions.sessions import Session, SessionState
from schema.graphql.node import encode
from tests.schema.served import Served
from tests.schema.steps import queued_session, ready_image

STOP = """mutation($ids: [ID!]!, $policy: ErrorPolicy! = IGNORE_FAILED) {
  sessionsStop(ids: $ids, errorPolicy: $policy) {
    results { id session { state } errors { code message } } errors { code path }
  }
}"""


async def _sessions(served: Served) -> list[str]:
    """Queue two sessions of ada and one of eve."""
    rows = [await queued_session(served, "ada", await ready_image(served, "ada", title)) for title in ("One", "Two")]
    rows.append(await queued_session(served, "eve", await ready_image(served, "ada", "Three")))
    return [encode("Session", row.id) for row in rows]


async def _stop(served: Served, name: str, ids: list[str], policy: str = "IGNORE_FAILED") -> dict[str, Any]:
    return dict((await served.ask(name, STOP, ids=ids, policy=policy))["data"]["sessionsStop"])


async def _stopped() -> int:
    return await Session.filter(state=SessionState.STOPPED).count()


async def test_results_follow_the_order_of_ids(served: Served) -> None:
    ids = await _sessions(served)

    answer = await _stop(served, "ada", [ids[1], ids[2], "nonsense", ids[0], ids[0]])

    assert [result["id"] for result in answer["results"]] == [ids[1], ids[2], "nonsense", ids[0]]
    assert [[error["code"] for error in result["errors"]] for result in answer["results"]] == [
        [],
        ["NOT_FOUND"],
        ["NOT_FOUND"],
        [],
    ]
    assert answer["results"][0]["session"] == {"state": "STOPPED"}
    assert await _stopped() == 2


async def test_reject_everything_stops_no_session(served: Served) -> None:
    ids = await _sessions(served)

    answer = await _stop(served, "ada", ids, "REJECT_EVERYTHING")

    assert [bool(result["errors"]) for result in answer["results"]] == [False, False, True]
    assert [result["session"] for result in answer["results"][:2]] == [{"state": "QUEUED"}] * 2
    assert await _stopped() == 0


async def test_operator_stops_sessions_of_others(served: Served) -> None:
    ids = await _sessions(served)

    answer = await _stop(served, "olive", ids, "REJECT_EVERYTHING")

    assert all(result["session"] == {"state": "STOPPED"} for result in answer["results"])
    assert await _stopped() == 3


async def test_empty_and_oversized_batches_are_refused(sqlite_api: Served) -> None:
    for ids in ([], [encode("Session", number) for number in range(1, 102)]):
        answer = await _stop(sqlite_api, "ada", ids)
        assert answer["errors"] == [{"code": "BAD_USER_INPUT", "path": ["ids"]}]


REVOKE = """mutation($ids: [ID!]!, $policy: ErrorPolicy! = IGNORE_FAILED) {
  tokensRevoke(ids: $ids, errorPolicy: $policy) { results { id errors { code } } errors { code path } }
}"""
ADD = """mutation($id: ID!, $names: [String!]!, $policy: ErrorPolicy! = IGNORE_FAILED) {
  organizationMembersAdd(id: $id, usernames: $names, errorPolicy: $policy) {
    results { username errors { code message } } errors { code path }
  }
}"""
REMOVE = """mutation($id: ID!, $names: [String!]!, $policy: ErrorPolicy! = IGNORE_FAILED) {
  organizationMembersRemove(id: $id, usernames: $names, errorPolicy: $policy) {
    organization { members { nodes { user { username } } } } results { username errors { code } }
  }
}"""
SHARE = """mutation($id: ID!, $names: [String!]!, $policy: ErrorPolicy! = IGNORE_FAILED) {
  workstationUsersAdd(id: $id, usernames: $names, errorPolicy: $policy) {
    results { username errors { code } } errors { code }
  }
}"""
UNSHARE = """mutation($id: ID!, $names: [String!]!) {
  workstationUsersRemove(id: $id, usernames: $names) { results { username errors { code } } }
}"""


async def _ask(served: Served, name: str, query: str, **variables: Any) -> dict[str, Any]:
    (payload,) = (await served.ask(name, query, **variables))["data"].values()
    return dict(payload)


def _codes(payload: dict[str, Any]) -> list[list[str]]:
    return [[error["code"] for error in result["errors"]] for result in payload["results"]]


async def _token_ids(served: Served, name: str, count: int) -> list[str]:
    user = served.users[name]
    made = [await tokens.mint(user.id, TokenKind.API, actor=SERVICE, lifetime=None, name="t") for _ in range(count)]
    return [encode("Token", token.id) for token, _ in made]


async def test_bulk_revoke_returns_one_result_per_token(served: Served) -> None:
    mine, theirs = await _token_ids(served, "ada", 2), await _token_ids(served, "eve", 1)

    rejected = await _ask(served, "ada", REVOKE, ids=[*mine, *theirs], policy="REJECT_EVERYTHING")
    assert _codes(rejected) == [[], [], ["NOT_FOUND"]]
    assert await Token.filter(revoked_at__isnull=False).count() == 0

    done = await _ask(served, "ada", REVOKE, ids=[*mine, *theirs, "nonsense"])
    assert _codes(done) == [[], [], ["NOT_FOUND"], ["NOT_FOUND"]]
    assert await Token.filter(revoked_at__isnull=False).count() == 2


async def _lab(served: Served) -> str:
    lab = await organizations.create("Lab", actor=SERVICE)
    await organizations.add_member(lab, served.users["olive"], MemberRole.ADMIN, actor=SERVICE)
    return encode("Organization", lab.id)


async def test_bulk_membership_returns_one_result_per_user(served: Served) -> None:
    lab = await _lab(served)

    rejected = await _ask(served, "olive", ADD, id=lab, names=["ada", "nobody"], policy="REJECT_EVERYTHING")
    assert _codes(rejected) == [[], ["BAD_USER_INPUT"]]
    assert await Membership.all().count() == 1
    added = await _ask(served, "olive", ADD, id=lab, names=["ada", "nobody", "eve", "olive", "ada"])
    assert _codes(added) == [[], ["BAD_USER_INPUT"], [], ["FORBIDDEN"]]
    assert await Membership.all().count() == 3

    removed = await _ask(served, "olive", REMOVE, id=lab, names=["eve", "olive"])
    assert _codes(removed) == [[], ["FORBIDDEN"]]
    names = {node["user"]["username"] for node in removed["organization"]["members"]["nodes"]}
    assert names == {"ada", "olive"}


async def test_reject_everything_keeps_the_last_administrator(served: Served) -> None:
    lab = await _lab(served)
    other = await users.register("otto", None, role="operator")
    await _ask(served, "olive", ADD, id=lab, names=["ada", "eve"])
    _, minted = await tokens.mint(other.id, TokenKind.API, actor=SERVICE, lifetime=None)
    both = Served(served.services, served.port, {**served.tokens, "otto": minted.text}, {**served.users, "otto": other})

    answer = await _ask(both, "otto", REMOVE, id=lab, names=["ada", "olive", "eve"], policy="REJECT_EVERYTHING")

    assert _codes(answer) == [[], ["CONFLICT"], []]
    assert await Membership.all().count() == 3


async def test_workstation_is_shared_in_bulk(served: Served) -> None:
    place = encode("Workstation", (await ready_image(served)).workstation_id)

    shared = await _ask(served, "ada", SHARE, id=place, names=["eve", "nobody", "olive"])
    assert _codes(shared) == [[], ["BAD_USER_INPUT"], []]
    assert await Grant.filter(role=ObjectRole.WORKSTATION_USER).count() == 2
    taken = await _ask(served, "ada", UNSHARE, id=place, names=["olive", "eve"])
    assert _codes(taken) == [[], []]
    assert await Grant.filter(role=ObjectRole.WORKSTATION_USER).count() == 0
    unseen = await _ask(served, "eve", SHARE, id=place, names=["eve"])
    assert (unseen["results"], unseen["errors"]) == ([], [{"code": "NOT_FOUND"}])
