"""Collaborations: access to collaborators, and the permissions that changes of the participants take."""

import pytest

from core.errors import BadInput, Conflict, Forbidden, NotFound
from models.accounts.collaborations import Collaboration, Participant
from models.accounts.history import HistoryEntry
from models.accounts.organizations import MemberRole, Organization
from models.accounts.roles import PermissionVerb, Rule
from models.accounts.users import User
from models.permissions.principal import SERVICE, Principal
from models.policies.accounts import collaborations as policy
from models.policies.accounts import history as history_policy
from models.policies.accounts import roles as role_policy
from models.policies.accounts import users as account_policy
from models.services.accounts import authentication, collaborations, organizations, roles
from resolvers.accounts import collaborations as resolve
from tests.people import People


async def _at_home(people: People, name: str, role: str, lab: Organization | None = None) -> Principal:
    """Return a user at home in an organization, with an additional role."""
    user = people.users[name]
    user.home_organization_id = (lab or people.lab).id
    await user.save()
    await roles.assign(people.roles[role], user, actor=SERVICE)
    return await authentication.principal_for_user(user)


@pytest.fixture
async def manager(people: People) -> Principal:
    """A collaboration administrator of the lab."""
    return await _at_home(people, "owner", "collaboration_admin")


@pytest.fixture
async def partner(people: People) -> Organization:
    """The other organization of the lab's collaboration."""
    return await Organization.get(name="Other institute")


async def _participants(collaboration: Collaboration) -> set[int]:
    return {each.organization_id for each in await Participant.filter(collaboration=collaboration)}


async def test_collaborators_users_are_editable_until_they_leave(
    people: People, manager: Principal, partner: Organization
) -> None:
    there = await User.create(username="there", home_organization=partner)

    assert await account_policy.USERS.rows(manager, PermissionVerb.EDIT).filter(id=there.id).exists()
    await collaborations.remove(people.collaboration, partner.id, actor=SERVICE)
    assert not await account_policy.readable(manager).filter(id=there.id).exists()


async def test_only_participants_see_and_rename_collaboration(people: People, manager: Principal) -> None:
    lonely = await organizations.create("Lonely", actor=SERVICE)
    others = await collaborations.create("Without us", [lonely], actor=SERVICE)

    assert [row.id for row in await policy.readable(manager)] == [people.collaboration.id]
    renamed = await resolve.update(manager, people.collaboration.id, "Renamed", 1)
    assert (renamed.name, renamed.version) == ("Renamed", 2)
    with pytest.raises(NotFound):
        await resolve.update(manager, others.id, "Ours", None)
    with pytest.raises(Conflict):
        await resolve.update(manager, people.collaboration.id, "Late", 1)


async def test_adding_organization_takes_permissions_on_both(people: People, manager: Principal) -> None:
    new = await organizations.create("Newcomers", actor=SERVICE)
    with pytest.raises(Forbidden, match="of that organization, too"):
        await resolve.add_organization(manager, people.collaboration.id, new.id)
    assert new.id not in await _participants(people.collaboration)

    rules = frozenset(map(Rule.parse, ("collaboration:edit:collaboration", "organization:view:organization")))
    role = await roles.create("envoy", rules, description="", organization_id=new.id, actor=SERVICE)
    await organizations.add_member(new, people.users["owner"], MemberRole.GUEST, actor=SERVICE)
    await roles.assign(role, people.users["owner"], actor=SERVICE)

    await resolve.add_organization(manager, people.collaboration.id, new.id)
    assert new.id in await _participants(people.collaboration)
    operator = await people.principal("operator")
    await resolve.add_organization(operator, people.collaboration.id, new.id)
    assert len(await _participants(people.collaboration)) == 3


async def test_last_organization_cannot_leave(people: People, manager: Principal, partner: Organization) -> None:
    await resolve.remove_organization(manager, people.collaboration.id, partner.id)
    await resolve.remove_organization(manager, people.collaboration.id, partner.id)
    assert await _participants(people.collaboration) == {people.lab.id}

    with pytest.raises(Conflict, match="last organization"):
        await resolve.remove_organization(manager, people.collaboration.id, people.lab.id)


async def test_viewer_cannot_change_nor_manager_create_collaboration(
    people: People, manager: Principal, partner: Organization
) -> None:
    viewer = await _at_home(people, "stranger", "viewer")

    for refused in (
        resolve.update(viewer, people.collaboration.id, "Mine", None),
        resolve.remove_organization(viewer, people.collaboration.id, partner.id),
        resolve.add_organization(viewer, people.collaboration.id, partner.id),
        resolve.create(manager, "New", [people.lab.id], is_encrypted=True),
    ):
        with pytest.raises(Forbidden):
            await refused


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 129, "Together"])
async def test_invalid_collaboration_name_is_refused(people: People, name: str) -> None:
    with pytest.raises(BadInput):
        await collaborations.create(name, [people.lab], actor=SERVICE)
    with pytest.raises(BadInput, match="at least one organization"):
        await collaborations.create("Empty", [], actor=SERVICE)


async def test_delegation_to_collaborators_excludes_their_collaborators(
    people: People, manager: Principal, partner: Organization
) -> None:
    there = await User.create(username="there", home_organization=partner)
    stranger = await User.create(username="elsewhere")

    able = {
        scope
        for scope in ("organization", "collaboration", "global")
        if await role_policy.can_assign_rule(manager, there, Rule.parse(f"user:view:{scope}")) is True
    }
    assert able == {"organization"}
    assert await role_policy.can_assign_rule(manager, stranger, Rule.parse("user:view:organization")) is not True


async def test_collaboration_editors_read_its_history(
    people: People, manager: Principal, partner: Organization
) -> None:
    await resolve.update(manager, people.collaboration.id, "Renamed", None)
    await resolve.remove_organization(manager, people.collaboration.id, partner.id)
    await _at_home(people, "guest", "collaboration_admin")
    other = await people.principal("guest")

    entries = history_policy.readable(other).filter(resource="collaboration")
    assert [entry.action for entry in await entries.order_by("id")] == ["create", "rename", "remove_organization"]
    last = await HistoryEntry.filter(action="remove_organization").get()
    assert (last.actor_id, last.detail) == (manager.user_id, {"organization": partner.id})
