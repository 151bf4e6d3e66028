"""Callers are cached for a second, but permission changes apply to the next request."""

from schema.graphql.node import encode
from tests.schema.api import COOKIE, CSRF_HEADER, Api
from tests.statements import counting

VIEWER = "{ viewer { username } }"
TAKE = "mutation($id: ID!, $role: ID!) { userRoleRemove(id: $id, roleId: $role) { user { id } errors { code } } }"
GIVE = "mutation($id: ID!, $role: ID!) { userRoleAdd(id: $id, roleId: $role) { user { id } errors { code } } }"
REVOKE = "mutation($id: ID!) { tokenRevoke(id: $id) { token { id } errors { code } } }"
MAKE = 'mutation { workstationCreate(input: {title: "Mine"}) { workstation { id } errors { code } } }'
TOKENS = "{ viewer { tokens(first: 1) { nodes { id } } } }"


async def test_cached_caller_costs_no_statement(api: Api) -> None:
    counts = []
    for _ in range(4):  # In one of them the second may just be over.
        with counting() as counter:
            assert (await api.ask("guest", VIEWER)).data == {"username": "guest"}
        counts.append(len(counter.statements))

    assert min(counts) == 1


async def test_role_change_applies_to_next_request(api: Api) -> None:
    user, role = encode("User", api.people.users["owner"].id), encode("Role", api.people.roles["builder"].id)
    assert (await api.ask("owner", MAKE)).code is None

    for _ in range(3):
        assert (await api.ask("operator", TAKE, id=user, role=role)).code is None
        assert (await api.ask("owner", MAKE)).code == "FORBIDDEN"
        assert (await api.ask("operator", GIVE, id=user, role=role)).code is None
        assert (await api.ask("owner", MAKE)).code is None


async def test_revoked_token_is_refused_in_next_request(api: Api) -> None:
    (token,) = (await api.ask("guest", TOKENS)).data["tokens"]["nodes"]

    assert (await api.ask("guest", REVOKE, id=token["id"])).code is None

    assert (await api.ask("guest", VIEWER)).code == "UNAUTHENTICATED"


async def test_sign_out_applies_to_next_request(api: Api) -> None:
    cookies = await api.sign_in("guest")
    headers = {"cookie": f"{COOKIE}={cookies[COOKIE]}", **CSRF_HEADER}
    before = await api.http.post("/graphql", json={"query": VIEWER}, headers=headers)
    await api.http.post("/sign-out", headers=headers)
    after = await api.http.post("/graphql", json={"query": VIEWER}, headers=headers)

    assert before.json()["data"] == {"viewer": {"username": "guest"}}
    assert after.json()["data"] == {"viewer": None}
