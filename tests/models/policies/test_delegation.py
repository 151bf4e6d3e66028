"""Delegation: users can assign only rules that they have, never to themselves, and refusals are recorded."""

from datetime import timedelta

import pytest

from core.clock import now
from core.database.connection import transaction
from core.errors import BadInput, Conflict, Forbidden
from models.accounts.history import HistoryEntry
from models.accounts.organizations import MemberRole, Membership
from models.accounts.roles import DEFAULT_ROLES, Grant, ObjectRole, Role, RoleHolder, Rule, role_key
from models.permissions.principal import SERVICE, Principal
from models.policies.accounts import organizations as organization_policy
from models.policies.accounts import roles as policy
from models.policies.authorization import Action
from models.services.accounts import authentication, grants, organizations, roles
from models.services.accounts.effective_permissions import load_effective_permissions
from resolvers.accounts import roles as accounts_roles
from resolvers.guards import require
from resolvers.sessions import workstation_grants
from tests.people import People


async def _with_rules(people: People, name: str, *rules: str, home: bool = True) -> Principal:
    """Return a user with these additional rules, at home in the organization."""
    user = people.users[name]
    if home:
        user.home_organization_id = people.lab.id
        await user.save()
    for rule in rules:
        await roles.assign_rule(Rule.parse(rule), user, actor=SERVICE)
    return await authentication.principal_for_user(user)


@pytest.mark.parametrize("own_role", DEFAULT_ROLES)
async def test_assigning_default_role_takes_all_its_rules(people: People, own_role: str) -> None:
    await _with_rules(people, "stranger")
    await RoleHolder.filter(user_id=people.users["owner"].id).delete()
    await Grant.filter(user_id=people.users["owner"].id).delete()
    await roles.assign(people.roles[own_role], people.users["owner"], actor=SERVICE)
    delegator = await _with_rules(people, "owner", "user:edit:organization")
    stranger = people.users["stranger"]
    await stranger.refresh_from_db()

    for name, (_, rules) in DEFAULT_ROLES.items():
        has_all = all(delegator.has_scope(rule.resource, rule.verb, rule.scope) for rule in rules)
        assert (await policy.can_assign(delegator, stranger, people.roles[name]) is True) is has_all, (own_role, name)


async def test_users_cannot_change_their_own_permissions(people: People) -> None:
    operator, user = await people.principal("operator"), people.users["operator"]
    role = people.roles["viewer"]

    for attempt in (
        accounts_roles.add_role(operator, user.id, role.id),
        accounts_roles.remove_role(operator, user.id, people.roles["operator"].id),
        accounts_roles.add_rule(operator, user.id, "session:view:own"),
        accounts_roles.remove_rule(operator, user.id, "session:view:own"),
        workstation_grants.add_user(operator, people.workstation.id, "operator", ObjectRole.WORKSTATION_USER),
    ):
        with pytest.raises(Forbidden, match="cannot change your own permissions"):
            await attempt


async def test_rule_is_delegated_in_its_organization_only(people: People) -> None:
    other = await organizations.create("Other lab", actor=SERVICE)
    delegator = await _with_rules(people, "owner", "user:edit:global", "node:create:organization")
    stranger, rule = people.users["stranger"], Rule.parse("node:create:organization")
    decisions = {}
    for name, place in (("here", people.lab.id), ("there", other.id), ("nowhere", None)):
        stranger.home_organization_id = place
        decisions[name] = await policy.can_assign_rule(delegator, stranger, rule) is True

    assert decisions == {"here": True, "there": False, "nowhere": False}


async def test_narrow_rule_cannot_delegate_wider_one(people: People) -> None:
    delegator = await _with_rules(people, "owner", "user:edit:organization", "task:view:organization")
    stranger = people.users["stranger"]
    stranger.home_organization_id = people.lab.id

    able = {
        scope
        for scope in ("own", "organization", "collaboration", "global")
        if await policy.can_assign_rule(delegator, stranger, Rule.parse(f"task:view:{scope}")) is True
    }
    assert able == {"own", "organization"}


async def test_role_is_created_from_own_rules_only(people: People) -> None:
    creator = await _with_rules(people, "owner", "role:create:organization")

    role = await accounts_roles.create_role(creator, "helper", "", ["session:view:own"], people.lab.id)
    assert (role.organization_id, role.key) == (people.lab.id, role_key("helper", people.lab.id))
    for rules, place in ((["session:view:global"], people.lab.id), (["session:view:own"], None)):
        with pytest.raises(Forbidden):
            await accounts_roles.create_role(creator, "other", "", rules, place)
    with pytest.raises(BadInput, match="taken"):
        await accounts_roles.create_role(creator, "helper", "", [], people.lab.id)


async def test_role_update_takes_added_and_removed_rules(people: People) -> None:
    editor = await _with_rules(people, "owner", "role:edit:organization", "role:view:organization")
    rich = await roles.create(
        "rich",
        frozenset({Rule.parse("node:edit:organization")}),
        description="",
        organization_id=people.lab.id,
        actor=SERVICE,
    )

    for wanted in ([], ["node:edit:organization", "session:view:global"]):
        with pytest.raises(Forbidden, match="neither give nor revoke"):
            await accounts_roles.update_role(editor, rich.id, None, None, wanted)
    await accounts_roles.update_role(editor, rich.id, "richer", None, ["node:edit:organization", "session:view:own"])
    assert (await Role.get(id=rich.id)).rules == ["node:edit:organization", "session:view:own"]


async def test_default_and_own_roles_cannot_be_changed(people: People) -> None:
    operator, custom = await people.principal("operator"), people.roles["custom"]
    for role in people.roles.values():
        if role.is_default:
            assert await policy.can_update(operator, role, []) is not True
            assert await policy.can_delete(operator, role) is not True
    await roles.assign(custom, people.users["operator"], actor=SERVICE)

    with pytest.raises(Forbidden, match="your own permissions"):
        await accounts_roles.update_role(operator, custom.id, "mine", None, None)


async def test_role_with_holders_is_deleted_only_explicitly(people: People) -> None:
    operator, custom = await people.principal("operator"), people.roles["custom"]
    await roles.assign(custom, people.users["member"], actor=SERVICE)

    with pytest.raises(Conflict, match="1 users have"):
        await accounts_roles.delete_role(operator, custom.id, with_holders=False)
    await accounts_roles.delete_role(operator, custom.id, with_holders=True)
    assert not await RoleHolder.filter(role_id=custom.id).exists()


async def test_organization_role_requires_belonging_to_it(people: People) -> None:
    operator = await people.principal("operator")

    with pytest.raises(BadInput, match="not a member"):
        await accounts_roles.add_role(operator, people.users["stranger"].id, people.roles["custom"].id)
    await accounts_roles.add_role(operator, people.users["member"].id, people.roles["custom"].id)


async def test_organization_role_ends_with_membership(people: People) -> None:
    member, rule = people.users["member"], Rule.parse("node:view:organization")
    role = await roles.create("nodes", frozenset({rule}), description="", organization_id=people.lab.id, actor=SERVICE)
    await roles.assign(role, member, actor=SERVICE)
    assert (rule, people.lab.id) in (await authentication.principal_for_user(member)).org_rules

    await organizations.remove_member(people.lab, member, actor=SERVICE)

    assert rule not in (await load_effective_permissions([member.id]))[member.id].rules


async def test_only_admin_sets_member_roles(people: People) -> None:
    able: dict[str, set[MemberRole]] = {}
    stranger = people.users["stranger"].id
    for role in MemberRole:
        await Membership.filter(user=people.users["member"], organization=people.lab).update(role=role)
        delegator = await people.principal("member")
        able[role] = {
            given
            for given in MemberRole
            if await organization_policy.can_change_member(delegator, people.lab, stranger, given) is True
        }

    assert able == {"guest": set(), "readonly": set(), "member": set(), "admin": set(MemberRole)}


async def test_last_administrator_cannot_be_removed(people: People) -> None:
    for attempt in (
        organizations.remove_member(people.lab, people.users["admin"], actor=SERVICE),
        organizations.add_member(people.lab, people.users["admin"], MemberRole.GUEST, actor=SERVICE),
    ):
        with pytest.raises(Conflict, match="last administrator"):
            await attempt
    assert (await Membership.get(user=people.users["admin"])).role is MemberRole.ADMIN


async def test_last_study_admin_cannot_be_removed(people: People) -> None:
    study, first, second = people.workstation, people.users["owner"].id, people.users["editor"].id
    for user_id in (first, second):
        await grants.grant(study, ObjectRole.STUDY_ADMIN, user_id=user_id, actor=SERVICE)
    await grants.revoke(study, ObjectRole.STUDY_ADMIN, user_id=first, actor=SERVICE)

    with pytest.raises(Conflict, match="last"):
        await grants.revoke(study, ObjectRole.STUDY_ADMIN, user_id=second, actor=SERVICE)
    assert await Grant.filter(role=ObjectRole.STUDY_ADMIN).count() == 1


async def _refusals() -> list[HistoryEntry]:
    return await HistoryEntry.filter(action__endswith="_refused").order_by("id")


async def test_refusal_is_recorded_once_a_minute(people: People) -> None:
    guest = await people.principal("guest")
    for _ in range(3):
        with pytest.raises(Forbidden):
            await require(guest, Action.WORKSTATION_UPDATE, people.workstation)
    with pytest.raises(Forbidden):
        await require(guest, Action.IMAGE_CREATE, people.workstation)

    first, other = await _refusals()
    assert (first.action, other.action) == ("workstation_update_refused", "image_create_refused")
    assert (first.actor_id, first.object_id) == (guest.user_id, people.workstation.id)
    assert first.cause == "Only an editor of a workstation can change it."
    await HistoryEntry.filter(id=first.id).update(at=now() - timedelta(minutes=2), once="long ago")
    with pytest.raises(Forbidden):
        await require(guest, Action.WORKSTATION_UPDATE, people.workstation)
    assert len(await _refusals()) == 3


async def test_refusal_is_recorded_despite_rollback(people: People) -> None:
    guest = await people.principal("guest")

    async def attempt() -> None:
        async with transaction():
            await Membership.all().delete()
            await require(guest, Action.WORKSTATION_UPDATE, people.workstation)

    with pytest.raises(Forbidden):
        await attempt()

    assert await Membership.all().count() == 2
    assert len(await _refusals()) == 1
