"""Collaborations: whom they bring into reach, and that nobody brings others into reach on their own."""

import pytest

from core.errors import BadInput, Conflict, Forbidden, NotFound
from models.accounts.collaborations import Collaboration, Participant
from models.accounts.history import HistoryEntry
from models.accounts.organizations import MemberRole, Organization
from models.accounts.roles import Operation, Rule
from models.accounts.users import User
from models.permissions.actor import SERVICE
from models.permissions.principal import Principal
from models.policies.accounts import collaborations as policy
from models.policies.accounts import history as history_policy
from models.policies.accounts import roles as role_policy
from models.policies.accounts import users as account_policy
from models.services.accounts import authentication, collaborations, organizations, roles
from resolvers.accounts import collaborations as resolve
from tests.people import Cast


async def _at_home(cast: Cast, name: str, role: str, lab: Organization | None = None) -> Principal:
    """Let somebody be at home in the lab, or in another one, with a role more."""
    user = cast.users[name]
    user.home_organization_id = (lab or cast.lab).id
    await user.save()
    await roles.give(cast.roles[role], user, actor=SERVICE)
    return await authentication.principal_for(user)


@pytest.fixture
async def manager(cast: Cast) -> Principal:
    """A collaboration administrator of the lab."""
    return await _at_home(cast, "owner", "collaboration_admin")


@pytest.fixture
async def partner(cast: Cast) -> Organization:
    """The other organization of the lab's collaboration."""
    return await Organization.get(name="Other institute")


async def _participants(collaboration: Collaboration) -> set[int]:
    return {each.organization_id for each in await Participant.filter(collaboration=collaboration)}


async def test_partners_people_are_reached_as_long_as_they_take_part(
    cast: Cast, manager: Principal, partner: Organization
) -> None:
    there = await User.create(username="there", home_organization=partner)

    assert await account_policy.USERS.rows(manager, Operation.EDIT).filter(id=there.id).exists()
    await collaborations.remove(cast.collaboration, partner.id, actor=SERVICE)
    assert not await account_policy.readable(manager).filter(id=there.id).exists()


async def test_a_collaboration_is_seen_and_renamed_by_those_whose_organization_takes_part(
    cast: Cast, manager: Principal
) -> None:
    lonely = await organizations.create("Lonely", actor=SERVICE)
    others = await collaborations.create("Without us", [lonely], actor=SERVICE)

    assert [row.id for row in await policy.readable(manager)] == [cast.collaboration.id]
    renamed = await resolve.update(manager, cast.collaboration.id, "Renamed", 1)
    assert (renamed.name, renamed.version) == ("Renamed", 2)
    with pytest.raises(NotFound):
        await resolve.update(manager, others.id, "Ours", None)
    with pytest.raises(Conflict):
        await resolve.update(manager, cast.collaboration.id, "Late", 1)


async def test_an_organization_is_brought_in_by_who_decides_for_it_as_well(cast: Cast, manager: Principal) -> None:
    new = await organizations.create("Newcomers", actor=SERVICE)
    with pytest.raises(Forbidden, match="of that organization, too"):
        await resolve.add_organization(manager, cast.collaboration.id, new.id)
    assert new.id not in await _participants(cast.collaboration)

    rules = frozenset(map(Rule.parse, ("collaboration:edit:collaboration", "organization:view:organization")))
    role = await roles.create("envoy", rules, description="", organization_id=new.id, actor=SERVICE)
    await organizations.add_member(new, cast.users["owner"], MemberRole.GUEST, actor=SERVICE)
    await roles.give(role, cast.users["owner"], actor=SERVICE)

    await resolve.add_organization(manager, cast.collaboration.id, new.id)
    assert new.id in await _participants(cast.collaboration)
    operator = await cast.principal("operator")
    await resolve.add_organization(operator, cast.collaboration.id, new.id)
    assert len(await _participants(cast.collaboration)) == 3


async def test_an_organization_leaves_and_the_last_one_stays(
    cast: Cast, manager: Principal, partner: Organization
) -> None:
    await resolve.remove_organization(manager, cast.collaboration.id, partner.id)
    await resolve.remove_organization(manager, cast.collaboration.id, partner.id)
    assert await _participants(cast.collaboration) == {cast.lab.id}

    with pytest.raises(Conflict, match="last organization"):
        await resolve.remove_organization(manager, cast.collaboration.id, cast.lab.id)


async def test_a_viewer_changes_nothing_and_only_who_may_do_so_everywhere_founds_one(
    cast: Cast, manager: Principal, partner: Organization
) -> None:
    viewer = await _at_home(cast, "stranger", "viewer")

    for refused in (
        resolve.update(viewer, cast.collaboration.id, "Mine", None),
        resolve.remove_organization(viewer, cast.collaboration.id, partner.id),
        resolve.add_organization(viewer, cast.collaboration.id, partner.id),
        resolve.create(manager, "New", [cast.lab.id], is_encrypted=True),
    ):
        with pytest.raises(Forbidden):
            await refused


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 129, "Together"])
async def test_a_name_is_printable_and_free(cast: Cast, name: str) -> None:
    with pytest.raises(BadInput):
        await collaborations.create(name, [cast.lab], actor=SERVICE)
    with pytest.raises(BadInput, match="at least one organization"):
        await collaborations.create("Empty", [], actor=SERVICE)


async def test_what_is_held_for_partners_is_given_there_but_not_what_reaches_theirs(
    cast: Cast, manager: Principal, partner: Organization
) -> None:
    there = await User.create(username="there", home_organization=partner)
    stranger = await User.create(username="elsewhere")

    able = {
        scope
        for scope in ("organization", "collaboration", "global")
        if await role_policy.can_give_rule(manager, there, Rule.parse(f"user:view:{scope}")) is True
    }
    assert able == {"organization"}
    assert await role_policy.can_give_rule(manager, stranger, Rule.parse("user:view:organization")) is not True


async def test_what_happens_to_a_collaboration_is_in_the_history_of_those_who_edit_it(
    cast: Cast, manager: Principal, partner: Organization
) -> None:
    await resolve.update(manager, cast.collaboration.id, "Renamed", None)
    await resolve.remove_organization(manager, cast.collaboration.id, partner.id)
    await _at_home(cast, "guest", "collaboration_admin")
    other = await cast.principal("guest")

    entries = history_policy.readable(other).filter(resource="collaboration")
    assert [entry.action for entry in await entries.order_by("id")] == ["create", "rename", "remove_organization"]
    last = await HistoryEntry.filter(action="remove_organization").get()
    assert (last.actor_id, last.detail) == (manager.user_id, {"organization": partner.id})
