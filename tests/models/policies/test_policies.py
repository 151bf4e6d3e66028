"""Who sees what and who may do what: the whole matrix, for everybody of the cast."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable

import pytest
from tortoise.models import Model
from tortoise.queryset import QuerySet

from models.accounts.history import HistoryEntry
from models.accounts.roles import Grant, ObjectRole, Operation, Resource
from models.accounts.users import Token, TokenKind
from models.permissions.principal import Principal, PrincipalKind
from models.policies.accounts import history, organizations, users
from models.policies.data import uploads
from models.policies.sessions import images, regions, sessions, workstations
from models.policies.verdicts import Verdict
from models.services.accounts import authentication
from models.sessions.workstations import Workstation
from tests.people import ROLES, Cast

EVERYBODY = (*ROLES, "desk")
PEOPLE = tuple(ROLES)


def _thing(noun: str) -> Callable[[Cast], Model]:
    return lambda cast: getattr(cast, noun)  # type: ignore[no-any-return]


def _of(name: str) -> Callable[[Cast], Model]:
    return lambda cast: cast.users[name]


Readable = Callable[[Principal], QuerySet[Model]]
SEEN_BY: list[tuple[str, Readable, Callable[[Cast], Model], set[str]]] = [
    ("the workstation", workstations.readable, _thing("workstation"), {"operator", "owner", "editor", "guest", "desk"}),
    ("its active image", images.readable, _thing("image"), {"operator", "owner", "editor", "guest", "desk"}),
    ("its older image", images.readable, _thing("older"), {"operator", "owner", "editor"}),
    ("its broken image", images.readable, _thing("broken"), {"operator", "owner", "editor"}),
    ("the guest's session", sessions.readable, _thing("session"), {"operator", "guest", "desk"}),
    ("the owner's upload", uploads.readable, _thing("upload"), {"owner"}),
    ("the lab", organizations.readable, _thing("lab"), {"operator", "member", "admin"}),
    ("the region", regions.readable, _thing("region"), set(PEOPLE)),
    ("the guest's account", users.readable, _of("guest"), {"operator", "guest", "desk"}),
    ("the stranger's account", users.readable, _of("stranger"), {"operator", "stranger"}),
]


async def test_who_sees_what(cast: Cast) -> None:
    callers = {name: await cast.principal(name) for name in EVERYBODY}
    seen: dict[str, set[str]] = {}
    for what, readable, thing, _ in SEEN_BY:
        row = thing(cast)
        seen[what] = {name for name in EVERYBODY if await readable(callers[name]).filter(id=row.pk).exists()}

    assert seen == {what: seers for what, _, _, seers in SEEN_BY}


async def test_a_public_workstation_and_its_active_image_are_seen_by_all_people(cast: Cast) -> None:
    await Workstation.filter(id=cast.workstation.id).update(is_public=True)

    for name in PEOPLE:
        principal = await cast.principal(name)
        assert await workstations.readable(principal).filter(id=cast.workstation.id).exists(), name
        assert await images.readable(principal).filter(id=cast.image.id).exists(), name
    assert not await images.readable(await cast.principal("stranger")).filter(id=cast.older.id).exists()


async def test_what_is_shared_with_the_lab_is_seen_by_its_members(cast: Cast) -> None:
    await Grant.create(
        organization=cast.lab,
        resource=Resource.WORKSTATION,
        object_id=cast.workstation.id,
        role=ObjectRole.WORKSTATION_USER,
    )

    seen = {
        name
        for name in PEOPLE
        if await workstations.readable(await cast.principal(name)).filter(id=cast.workstation.id).exists()
    }
    assert seen == {"operator", "owner", "editor", "guest", "member", "admin"}
    assert not await workstations.editable(await cast.principal("member")).exists()


async def test_an_image_of_ones_own_session_is_seen_when_it_is_no_longer_shared(cast: Cast) -> None:
    await Grant.filter(user=cast.users["guest"]).delete()
    guest = await cast.principal("guest")

    assert await images.readable(guest).filter(id=cast.image.id).exists()
    assert not await workstations.readable(guest).exists()


async def test_who_edits_the_workstation(cast: Cast) -> None:
    able = {
        name for name in EVERYBODY if await workstations.can_edit(await cast.principal(name), cast.workstation) is True
    }

    assert able == {"operator", "owner", "editor"}


Can = Callable[[Principal, Cast], Verdict | Awaitable[Verdict]]
MAY: list[tuple[str, Can, set[str]]] = [
    ("launch", lambda principal, _: sessions.can_launch(principal), set(PEOPLE)),
    ("work in the session", lambda principal, cast: sessions.can_connect(principal, cast.session), {"guest"}),
    ("stop the session", lambda principal, cast: sessions.can_stop(principal, cast.session), {"guest", "operator"}),
    (
        "read the logs",
        lambda principal, cast: sessions.can_see_logs(principal, cast.session),
        {"guest", "operator", "desk"},
    ),
    ("upload", lambda principal, _: uploads.can_create(principal), set(PEOPLE)),
    ("make a workstation", lambda principal, _: workstations.can_create(principal), {"owner", "editor", "operator"}),
    ("make a token", lambda principal, _: users.can_create_token(principal), set(PEOPLE)),
    ("make accounts", lambda principal, _: users.can_register(principal), {"operator"}),
    ("found an organization", lambda principal, _: organizations.can_create(principal), {"operator"}),
]


async def test_who_may_do_what(cast: Cast) -> None:
    callers = {name: await cast.principal(name) for name in EVERYBODY}
    verdicts: dict[str, dict[str, Verdict]] = {what: {} for what, _, _ in MAY}
    for what, can, _ in MAY:
        for name, caller in callers.items():
            asked = can(caller, cast)
            verdicts[what][name] = await asked if isawaitable(asked) else asked

    able = {what: {name for name, verdict in by.items() if verdict is True} for what, by in verdicts.items()}
    assert able == {what: names for what, _, names in MAY}
    reasons = [verdict for by in verdicts.values() for verdict in by.values() if isinstance(verdict, str)]
    assert all(reason.endswith(".") for reason in reasons)


async def test_only_its_admin_or_an_operator_manages_the_lab(cast: Cast) -> None:
    able = set()
    for name in EVERYBODY:
        principal = await cast.principal(name)
        if organizations.can_manage(principal, cast.lab) is True:
            able.add(name)

    assert able == {"operator", "admin"}


async def test_members_see_who_else_is_in_the_lab_and_nobody_else_does(cast: Cast) -> None:
    counts = {name: await organizations.readable_memberships(await cast.principal(name)).count() for name in EVERYBODY}

    assert {name for name, count in counts.items() if count == 2} == {"operator", "member", "admin"}
    assert set(counts.values()) == {0, 2}


async def test_a_token_is_seen_and_revoked_by_its_owner_and_operators(cast: Cast) -> None:
    await cast.token("owner")
    token = await Token.get(kind=TokenKind.API, user=cast.users["owner"])
    seen, able = set(), set()
    for name in EVERYBODY:
        principal = await cast.principal(name)
        seen |= {name} if await users.readable_tokens(principal).filter(id=token.id).exists() else set()
        able |= {name} if users.can_revoke_token(principal, token) is True else set()

    assert seen == able == {"operator", "owner"}


async def test_cookies_and_container_tokens_are_in_nobodys_list(cast: Cast) -> None:
    await cast.token("guest", TokenKind.BROWSER)

    for name in EVERYBODY:
        kinds = await users.readable_tokens(await cast.principal(name)).values_list("kind", flat=True)
        assert set(kinds) <= {TokenKind.API}


async def test_the_history_shows_what_one_did_and_what_befell_ones_own(cast: Cast) -> None:
    session = {"resource": Resource.SESSION, "object_id": cast.session.id}
    workstation = {"resource": Resource.WORKSTATION, "object_id": cast.workstation.id}
    seen: dict[str, tuple[bool, bool]] = {}
    for name in EVERYBODY:
        rows = history.readable(await cast.principal(name))
        seen[name] = (await rows.filter(**session).exists(), await rows.filter(**workstation).exists())

    assert {name for name, (found, _) in seen.items() if found} == {"operator", "guest"}
    assert {name for name, (_, found) in seen.items() if found} == {"operator", "owner", "editor"}
    whole = await history.readable(await cast.principal("operator")).count()
    assert whole == await HistoryEntry.all().count()


async def test_a_stranger_reads_nothing_of_others_in_the_history(cast: Cast) -> None:
    rows = history.readable(await cast.principal("stranger"))

    assert await rows.exclude(actor_id=cast.users["stranger"].id).count() == 0


async def test_a_caller_without_any_rule_sees_nothing_at_all(cast: Cast) -> None:
    nobody = Principal(PrincipalKind.USER, cast.users["owner"].id, frozenset())
    doors: list[Readable] = [
        workstations.readable,
        images.readable,
        sessions.readable,
        uploads.readable,
        organizations.readable,
        organizations.readable_memberships,
        regions.readable,
        history.readable,
        users.readable_tokens,
    ]

    for readable in doors:
        assert await readable(nobody).count() == 0, readable


async def test_a_credential_that_may_only_view_launches_stops_enters_and_uploads_nothing(cast: Cast) -> None:
    guest, owner = await cast.principal("guest"), await cast.principal("owner")
    only_view = frozenset(rule for rule in owner.rules | guest.rules if rule.operation is Operation.VIEW)
    narrow_guest = Principal(PrincipalKind.USER, guest.user_id, only_view)
    narrow_owner = Principal(PrincipalKind.USER, owner.user_id, only_view)

    assert sessions.can_launch(narrow_guest) is not True
    assert sessions.can_stop(narrow_guest, cast.session) is not True
    assert sessions.can_connect(narrow_guest, cast.session) is not True
    assert uploads.can_create(narrow_owner) is not True


async def test_somebody_is_found_by_their_exact_name_alone(cast: Cast) -> None:
    assert (await users.named("guest")).id == cast.users["guest"].id
    for wrong in ("Guest", "gue", "%", "nobody"):
        with pytest.raises(Exception, match="There is no user"):
            await users.named(wrong)


async def test_an_inactive_user_cannot_be_shared_with(cast: Cast) -> None:
    cast.users["guest"].is_active = False
    await cast.users["guest"].save()

    with pytest.raises(Exception, match="There is no user"):
        await users.named("guest")


async def test_rules_change_for_the_next_request(cast: Cast) -> None:
    before = await cast.principal("stranger")
    assert workstations.can_create(before) is not True

    await cast.users["stranger"].held_roles.all().delete()

    assert (await authentication.principal_for(cast.users["stranger"])).rules == frozenset()
