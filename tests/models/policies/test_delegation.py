"""Nobody gives or takes what they do not hold, nobody changes their own, and every refusal is on record once."""

from datetime import timedelta

import pytest

from core.clock import now
from core.database.connection import transaction
from core.errors import BadInput, Conflict, Forbidden
from models.accounts.history import HistoryEntry
from models.accounts.organizations import MemberRole, Membership
from models.accounts.roles import DEFAULT_ROLES, Grant, ObjectRole, Role, RoleHolder, Rule, role_key
from models.permissions.actor import SERVICE
from models.permissions.principal import Principal
from models.policies.accounts import organizations as organization_policy
from models.policies.accounts import roles as policy
from models.policies.authorization import Action
from models.services.accounts import authentication, grants, organizations, roles
from models.services.accounts.effective_permissions import holdings_of
from resolvers.accounts import roles as accounts_roles
from resolvers.guards import require
from resolvers.sessions import workstation_sharing
from tests.people import Cast


async def _hold(cast: Cast, name: str, *rules: str, home: bool = True) -> Principal:
    """Return somebody with these rules beside their own, at home in the lab."""
    user = cast.users[name]
    if home:
        user.home_organization_id = cast.lab.id
        await user.save()
    for rule in rules:
        await roles.give_rule(Rule.parse(rule), user, actor=SERVICE)
    return await authentication.principal_for(user)


@pytest.mark.parametrize("mine", DEFAULT_ROLES)
async def test_a_default_role_is_given_and_taken_by_who_holds_all_of_it_and_edits_users(cast: Cast, mine: str) -> None:
    await _hold(cast, "stranger")
    await RoleHolder.filter(user_id=cast.users["owner"].id).delete()
    await Grant.filter(user_id=cast.users["owner"].id).delete()
    await roles.give(cast.roles[mine], cast.users["owner"], actor=SERVICE)
    giver = await _hold(cast, "owner", "user:edit:organization")
    stranger = cast.users["stranger"]
    await stranger.refresh_from_db()

    for name, (_, rules) in DEFAULT_ROLES.items():
        held = all(giver.reaches(rule.resource, rule.operation, rule.scope) for rule in rules)
        assert (await policy.can_give(giver, stranger, cast.roles[name]) is True) is held, (mine, name)


async def test_nobody_changes_what_they_hold_themselves(cast: Cast) -> None:
    operator, user = await cast.principal("operator"), cast.users["operator"]
    role = cast.roles["viewer"]

    for attempt in (
        accounts_roles.add_role(operator, user.id, role.id),
        accounts_roles.remove_role(operator, user.id, cast.roles["operator"].id),
        accounts_roles.add_rule(operator, user.id, "session:view:own"),
        accounts_roles.remove_rule(operator, user.id, "session:view:own"),
        workstation_sharing.add_user(operator, cast.workstation.id, "operator", ObjectRole.WORKSTATION_USER),
    ):
        with pytest.raises(Forbidden, match="Nobody changes what they hold themselves"):
            await attempt


async def test_what_is_held_in_one_organization_is_given_in_no_other(cast: Cast) -> None:
    other = await organizations.create("Other lab", actor=SERVICE)
    giver = await _hold(cast, "owner", "user:edit:global", "node:create:organization")
    stranger, rule = cast.users["stranger"], Rule.parse("node:create:organization")
    verdicts = {}
    for name, place in (("here", cast.lab.id), ("there", other.id), ("nowhere", None)):
        stranger.home_organization_id = place
        verdicts[name] = await policy.can_give_rule(giver, stranger, rule) is True

    assert verdicts == {"here": True, "there": False, "nowhere": False}


async def test_a_narrow_rule_gives_no_wider_one(cast: Cast) -> None:
    giver = await _hold(cast, "owner", "user:edit:organization", "task:view:organization")
    stranger = cast.users["stranger"]
    stranger.home_organization_id = cast.lab.id

    able = {
        scope
        for scope in ("own", "organization", "collaboration", "global")
        if await policy.can_give_rule(giver, stranger, Rule.parse(f"task:view:{scope}")) is True
    }
    assert able == {"own", "organization"}


async def test_a_role_is_made_of_what_its_maker_holds_where_they_hold_it(cast: Cast) -> None:
    maker = await _hold(cast, "owner", "role:create:organization")

    role = await accounts_roles.create_role(maker, "helper", "", ["session:view:own"], cast.lab.id)
    assert (role.organization_id, role.key) == (cast.lab.id, role_key("helper", cast.lab.id))
    for rules, place in ((["session:view:global"], cast.lab.id), (["session:view:own"], None)):
        with pytest.raises(Forbidden):
            await accounts_roles.create_role(maker, "other", "", rules, place)
    with pytest.raises(BadInput, match="taken"):
        await accounts_roles.create_role(maker, "helper", "", [], cast.lab.id)


async def test_a_role_is_changed_by_who_holds_what_is_added_and_what_is_removed(cast: Cast) -> None:
    editor = await _hold(cast, "owner", "role:edit:organization", "role:view:organization")
    rich = await roles.create(
        "rich",
        frozenset({Rule.parse("node:edit:organization")}),
        description="",
        organization_id=cast.lab.id,
        actor=SERVICE,
    )

    for wanted in ([], ["node:edit:organization", "session:view:global"]):
        with pytest.raises(Forbidden, match="neither give nor take"):
            await accounts_roles.update_role(editor, rich.id, None, None, wanted)
    await accounts_roles.update_role(editor, rich.id, "richer", None, ["node:edit:organization", "session:view:own"])
    assert (await Role.get(id=rich.id)).rules == ["node:edit:organization", "session:view:own"]


async def test_default_roles_and_ones_own_are_changed_by_nobody(cast: Cast) -> None:
    operator, custom = await cast.principal("operator"), cast.roles["custom"]
    for role in cast.roles.values():
        if role.is_default:
            assert await policy.can_update(operator, role, []) is not True
            assert await policy.can_delete(operator, role) is not True
    await roles.give(custom, cast.users["operator"], actor=SERVICE)

    with pytest.raises(Forbidden, match="themselves"):
        await accounts_roles.update_role(operator, custom.id, "mine", None, None)


async def test_a_role_that_is_held_is_removed_only_with_its_holders(cast: Cast) -> None:
    operator, custom = await cast.principal("operator"), cast.roles["custom"]
    await roles.give(custom, cast.users["member"], actor=SERVICE)

    with pytest.raises(Conflict, match="1 users hold"):
        await accounts_roles.delete_role(operator, custom.id, with_holders=False)
    await accounts_roles.delete_role(operator, custom.id, with_holders=True)
    assert not await RoleHolder.filter(role_id=custom.id).exists()


async def test_a_role_of_an_organization_is_for_those_who_belong_to_it(cast: Cast) -> None:
    operator = await cast.principal("operator")

    with pytest.raises(BadInput, match="does not belong"):
        await accounts_roles.add_role(operator, cast.users["stranger"].id, cast.roles["custom"].id)
    await accounts_roles.add_role(operator, cast.users["member"].id, cast.roles["custom"].id)


async def test_a_role_of_an_organization_ends_with_the_membership(cast: Cast) -> None:
    member, rule = cast.users["member"], Rule.parse("node:view:organization")
    role = await roles.create("nodes", frozenset({rule}), description="", organization_id=cast.lab.id, actor=SERVICE)
    await roles.give(role, member, actor=SERVICE)
    assert (rule, cast.lab.id) in (await authentication.principal_for(member)).anchored

    await organizations.remove_member(cast.lab, member, actor=SERVICE)

    assert rule not in (await holdings_of([member.id]))[member.id].rules


async def test_member_roles_are_given_by_who_holds_them_in_that_organization(cast: Cast) -> None:
    able: dict[str, set[MemberRole]] = {}
    stranger = cast.users["stranger"].id
    for role in MemberRole:
        await Membership.filter(user=cast.users["member"], organization=cast.lab).update(role=role)
        giver = await cast.principal("member")
        able[role] = {
            given
            for given in MemberRole
            if await organization_policy.can_change_member(giver, cast.lab, stranger, given) is True
        }

    assert able == {"guest": set(), "readonly": set(), "member": set(), "admin": set(MemberRole)}


async def test_the_last_administrator_stays(cast: Cast) -> None:
    for attempt in (
        organizations.remove_member(cast.lab, cast.users["admin"], actor=SERVICE),
        organizations.add_member(cast.lab, cast.users["admin"], MemberRole.GUEST, actor=SERVICE),
    ):
        with pytest.raises(Conflict, match="last administrator"):
            await attempt
    assert (await Membership.get(user=cast.users["admin"])).role is MemberRole.ADMIN


async def test_a_study_keeps_its_last_admin(cast: Cast) -> None:
    study, first, second = cast.workstation, cast.users["owner"].id, cast.users["editor"].id
    for user_id in (first, second):
        await grants.give(study, ObjectRole.STUDY_ADMIN, user_id=user_id, actor=SERVICE)
    await grants.take(study, ObjectRole.STUDY_ADMIN, user_id=first, actor=SERVICE)

    with pytest.raises(Conflict, match="last"):
        await grants.take(study, ObjectRole.STUDY_ADMIN, user_id=second, actor=SERVICE)
    assert await Grant.filter(role=ObjectRole.STUDY_ADMIN).count() == 1


async def _refusals() -> list[HistoryEntry]:
    return await HistoryEntry.filter(action__endswith="_refused").order_by("id")


async def test_a_refusal_is_recorded_once_a_minute_with_actor_object_and_reason(cast: Cast) -> None:
    guest = await cast.principal("guest")
    for _ in range(3):
        with pytest.raises(Forbidden):
            await require(guest, Action.WORKSTATION_UPDATE, cast.workstation)
    with pytest.raises(Forbidden):
        await require(guest, Action.IMAGE_CREATE, cast.workstation)

    first, other = await _refusals()
    assert (first.action, other.action) == ("workstation_update_refused", "image_create_refused")
    assert (first.actor_id, first.object_id) == (guest.user_id, cast.workstation.id)
    assert first.cause == "Only an editor of a workstation changes it."
    await HistoryEntry.filter(id=first.id).update(at=now() - timedelta(minutes=2), once="long ago")
    with pytest.raises(Forbidden):
        await require(guest, Action.WORKSTATION_UPDATE, cast.workstation)
    assert len(await _refusals()) == 3


async def test_a_refusal_within_a_transaction_is_recorded_and_nothing_else_is(cast: Cast) -> None:
    guest = await cast.principal("guest")

    async def attempt() -> None:
        async with transaction():
            await Membership.all().delete()
            await require(guest, Action.WORKSTATION_UPDATE, cast.workstation)

    with pytest.raises(Forbidden):
        await attempt()

    assert await Membership.all().count() == 2
    assert len(await _refusals()) == 1
