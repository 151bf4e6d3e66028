"""Policies: the visible rows and the allowed actions of every person."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable

import pytest
from tortoise.models import Model
from tortoise.queryset import QuerySet

from models.accounts.history import HistoryEntry
from models.accounts.roles import Grant, ObjectRole, PermissionVerb, Resource
from models.accounts.tokens import Token, TokenKind
from models.permissions.principal import Principal, PrincipalKind
from models.policies import PolicyDecision
from models.policies.accounts import history, organizations, tokens, users
from models.policies.data import uploads
from models.policies.sessions import images, regions, sessions, workstations
from models.services.accounts import authentication
from models.sessions.workstations import Workstation
from tests.people import ROLES, People

ALL_NAMES = (*ROLES, "container")
USER_NAMES = tuple(ROLES)


def _object(name: str) -> Callable[[People], Model]:
    return lambda people: getattr(people, name)  # type: ignore[no-any-return]


def _of(name: str) -> Callable[[People], Model]:
    return lambda people: people.users[name]


Readable = Callable[[Principal], QuerySet[Model]]
VISIBLE_TO: list[tuple[str, Readable, Callable[[People], Model], set[str]]] = [
    (
        "the workstation",
        workstations.readable,
        _object("workstation"),
        {"operator", "owner", "editor", "guest", "container"},
    ),
    ("its active image", images.readable, _object("image"), {"operator", "owner", "editor", "guest", "container"}),
    ("its older image", images.readable, _object("older"), {"operator", "owner", "editor"}),
    ("its broken image", images.readable, _object("broken"), {"operator", "owner", "editor"}),
    ("the guest's session", sessions.readable, _object("session"), {"operator", "guest", "container"}),
    ("the owner's upload", uploads.readable, _object("upload"), {"owner"}),
    ("the lab", organizations.readable, _object("lab"), {"operator", "member", "admin"}),
    ("the region", regions.readable, _object("region"), set(USER_NAMES)),
    ("the guest's account", users.readable, _of("guest"), {"operator", "guest", "container"}),
    ("the stranger's account", users.readable, _of("stranger"), {"operator", "stranger"}),
]


async def test_readable_rows_per_person(people: People) -> None:
    callers = {name: await people.principal(name) for name in ALL_NAMES}
    seen: dict[str, set[str]] = {}
    for label, readable, thing, _ in VISIBLE_TO:
        row = thing(people)
        seen[label] = {name for name in ALL_NAMES if await readable(callers[name]).filter(id=row.pk).exists()}

    assert seen == {label: names for label, _, _, names in VISIBLE_TO}


async def test_public_workstation_is_visible_to_all_users(people: People) -> None:
    await Workstation.filter(id=people.workstation.id).update(is_public=True)

    for name in USER_NAMES:
        principal = await people.principal(name)
        assert await workstations.readable(principal).filter(id=people.workstation.id).exists(), name
        assert await images.readable(principal).filter(id=people.image.id).exists(), name
    assert not await images.readable(await people.principal("stranger")).filter(id=people.older.id).exists()


async def test_grant_to_organization_is_visible_to_members(people: People) -> None:
    await Grant.create(
        organization=people.lab,
        resource=Resource.WORKSTATION,
        object_id=people.workstation.id,
        role=ObjectRole.WORKSTATION_USER,
    )

    seen = {
        name
        for name in USER_NAMES
        if await workstations.readable(await people.principal(name)).filter(id=people.workstation.id).exists()
    }
    assert seen == {"operator", "owner", "editor", "guest", "member", "admin"}
    assert not await workstations.editable(await people.principal("member")).exists()


async def test_image_of_own_session_stays_visible_unshared(people: People) -> None:
    await Grant.filter(user=people.users["guest"]).delete()
    guest = await people.principal("guest")

    assert await images.readable(guest).filter(id=people.image.id).exists()
    assert not await workstations.readable(guest).exists()


async def test_editors_of_workstation(people: People) -> None:
    able = {
        name
        for name in ALL_NAMES
        if await workstations.can_edit(await people.principal(name), people.workstation) is True
    }

    assert able == {"operator", "owner", "editor"}


Can = Callable[[Principal, People], PolicyDecision | Awaitable[PolicyDecision]]
ALLOWED: list[tuple[str, Can, set[str]]] = [
    ("launch", lambda principal, _: sessions.can_launch(principal), set(USER_NAMES)),
    ("open the session", lambda principal, people: sessions.can_connect(principal, people.session), {"guest"}),
    ("stop the session", lambda principal, people: sessions.can_stop(principal, people.session), {"guest", "operator"}),
    (
        "read the logs",
        lambda principal, people: sessions.can_see_logs(principal, people.session),
        {"guest", "operator", "container"},
    ),
    ("upload", lambda principal, _: uploads.can_create(principal), set(USER_NAMES)),
    ("create a workstation", lambda principal, _: workstations.can_create(principal), {"owner", "editor", "operator"}),
    ("create a token", lambda principal, _: tokens.can_create(principal), set(USER_NAMES)),
    ("create accounts", lambda principal, _: users.can_register(principal), {"operator"}),
    ("create an organization", lambda principal, _: organizations.can_create(principal), {"operator"}),
]


async def test_allowed_actions_per_person(people: People) -> None:
    callers = {name: await people.principal(name) for name in ALL_NAMES}
    decisions: dict[str, dict[str, PolicyDecision]] = {label: {} for label, _, _ in ALLOWED}
    for label, can, _ in ALLOWED:
        for name, caller in callers.items():
            pending = can(caller, people)
            decisions[label][name] = await pending if isawaitable(pending) else pending

    able = {label: {name for name, decision in by.items() if decision is True} for label, by in decisions.items()}
    assert able == {label: names for label, _, names in ALLOWED}
    reasons = [decision for by in decisions.values() for decision in by.values() if isinstance(decision, str)]
    assert all(reason.endswith(".") for reason in reasons)


async def test_only_admin_or_operator_manages_organization(people: People) -> None:
    able = set()
    for name in ALL_NAMES:
        principal = await people.principal(name)
        if organizations.can_manage(principal, people.lab) is True:
            able.add(name)

    assert able == {"operator", "admin"}


async def test_only_members_see_memberships(people: People) -> None:
    counts = {
        name: await organizations.readable_memberships(await people.principal(name)).count() for name in ALL_NAMES
    }

    assert {name for name, count in counts.items() if count == 2} == {"operator", "member", "admin"}
    assert set(counts.values()) == {0, 2}


async def test_token_is_visible_to_owner_and_operators(people: People) -> None:
    await people.token("owner")
    token = await Token.get(kind=TokenKind.API, user=people.users["owner"])
    seen, able = set(), set()
    for name in ALL_NAMES:
        principal = await people.principal(name)
        seen |= {name} if await tokens.readable(principal).filter(id=token.id).exists() else set()
        able |= {name} if tokens.can_revoke(principal, token) is True else set()

    assert seen == able == {"operator", "owner"}


async def test_only_api_tokens_are_listed(people: People) -> None:
    await people.token("guest", TokenKind.BROWSER)

    for name in ALL_NAMES:
        kinds = await tokens.readable(await people.principal(name)).values_list("kind", flat=True)
        assert set(kinds) <= {TokenKind.API}


async def test_history_shows_own_actions_and_objects(people: People) -> None:
    session = {"resource": Resource.SESSION, "object_id": people.session.id}
    workstation = {"resource": Resource.WORKSTATION, "object_id": people.workstation.id}
    seen: dict[str, tuple[bool, bool]] = {}
    for name in ALL_NAMES:
        rows = history.readable(await people.principal(name))
        seen[name] = (await rows.filter(**session).exists(), await rows.filter(**workstation).exists())

    assert {name for name, (found, _) in seen.items() if found} == {"operator", "guest"}
    assert {name for name, (_, found) in seen.items() if found} == {"operator", "owner", "editor"}
    whole = await history.readable(await people.principal("operator")).count()
    assert whole == await HistoryEntry.all().count()


async def test_stranger_reads_only_own_history(people: People) -> None:
    rows = history.readable(await people.principal("stranger"))

    assert await rows.exclude(actor_id=people.users["stranger"].id).count() == 0


async def test_caller_without_rules_sees_nothing(people: People) -> None:
    without_rules = Principal(PrincipalKind.USER, people.users["owner"].id, frozenset())
    queries: list[Readable] = [
        workstations.readable,
        images.readable,
        sessions.readable,
        uploads.readable,
        organizations.readable,
        organizations.readable_memberships,
        regions.readable,
        history.readable,
        tokens.readable,
    ]

    for readable in queries:
        assert await readable(without_rules).count() == 0, readable


async def test_view_only_credential_cannot_change_anything(people: People) -> None:
    guest, owner = await people.principal("guest"), await people.principal("owner")
    only_view = frozenset(rule for rule in owner.rules | guest.rules if rule.verb is PermissionVerb.VIEW)
    narrow_guest = Principal(PrincipalKind.USER, guest.user_id, only_view)
    narrow_owner = Principal(PrincipalKind.USER, owner.user_id, only_view)

    assert sessions.can_launch(narrow_guest) is not True
    assert sessions.can_stop(narrow_guest, people.session) is not True
    assert sessions.can_connect(narrow_guest, people.session) is not True
    assert uploads.can_create(narrow_owner) is not True


async def test_user_is_found_by_exact_name_only(people: People) -> None:
    assert (await users.get_by_username("guest")).id == people.users["guest"].id
    for wrong in ("Guest", "gue", "%", "nobody"):
        with pytest.raises(Exception, match="There is no user"):
            await users.get_by_username(wrong)


async def test_inactive_user_is_not_found(people: People) -> None:
    people.users["guest"].is_active = False
    await people.users["guest"].save()

    with pytest.raises(Exception, match="There is no user"):
        await users.get_by_username("guest")


async def test_changed_rules_apply_to_next_request(people: People) -> None:
    before = await people.principal("stranger")
    assert workstations.can_create(before) is not True

    await people.users["stranger"].held_roles.all().delete()

    assert (await authentication.principal_for_user(people.users["stranger"])).rules == frozenset()
