"""Giving and taking at the same moment: what is given was held when it was given, whichever process took it away."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from core.errors import BadInput, CarrelError, Conflict, Forbidden
from models.accounts.organizations import MemberRole, Membership
from models.accounts.roles import Grant, ObjectRole, RoleHolder, UserRule
from models.permissions.actor import SERVICE
from models.permissions.principal import Principal
from models.services.accounts import organizations, roles
from resolvers.accounts import organizations as organization_resolver
from resolvers.accounts import roles as accounts_roles
from resolvers.accounts import users
from resolvers.data import datasession_sharing
from resolvers.sessions import workstation_sharing
from tests.models import concurrent_revoker
from tests.people import Cast

A_MOMENT = 0.5
"""Long enough for a giver who does not wait to have looked and given."""


@asynccontextmanager
async def another_process_takes(cast: Cast, role: str, username: str) -> AsyncIterator[Process]:
    """Let another process take the role from somebody; it commits when it gets a line."""
    arguments = (str(cast.settings.database_url), username, role)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-m", concurrent_revoker.__name__, *arguments, stdin=PIPE, stdout=PIPE
    )
    try:
        assert process.stdout
        async with asyncio.timeout(30):
            assert (await process.stdout.readline()).decode().strip() == concurrent_revoker.TAKEN
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _attempt(change: Awaitable[Any]) -> CarrelError | None:
    try:
        await change
    except CarrelError as refusal:
        return refusal
    return None


@pytest.fixture
async def giver(cast: Cast) -> Principal:
    """The operator, who is about to lose that role and has read its rights before."""
    return await cast.principal("operator")


async def _refused(cast: Cast, change: Awaitable[Any]) -> CarrelError | None:
    """Ask for a change while another process takes the operator's role; return why it was refused once that is done."""
    async with another_process_takes(cast, "operator", "operator") as process:
        giving = asyncio.ensure_future(_attempt(change))
        done, _ = await asyncio.wait({giving}, timeout=A_MOMENT)
        assert not done, "who gives waits for who takes"
        await process.communicate(b"\n")
        async with asyncio.timeout(20):
            return await giving


async def test_a_role_is_not_given_by_who_loses_theirs_meanwhile(cast: Cast, giver: Principal) -> None:
    stranger, builder = cast.users["stranger"], cast.roles["builder"]

    refusal = await _refused(cast, accounts_roles.add_role(giver, stranger.id, builder.id))

    assert isinstance(refusal, CarrelError)
    assert not await RoleHolder.filter(user=stranger, role=builder).exists()


async def test_a_rule_is_not_given_by_who_loses_it_meanwhile(cast: Cast, giver: Principal) -> None:
    stranger = cast.users["stranger"]

    assert await _refused(cast, accounts_roles.add_rule(giver, stranger.id, "session:view:global"))
    assert not await UserRule.filter(user=stranger).exists()


async def test_a_grant_is_not_given_by_who_may_share_no_more(cast: Cast, giver: Principal) -> None:
    change = workstation_sharing.add_user(giver, cast.workstation.id, "stranger", ObjectRole.WORKSTATION_EDITOR)

    assert await _refused(cast, change)
    assert not await Grant.filter(user=cast.users["stranger"]).exists()


async def test_a_data_session_is_not_shared_by_who_may_share_no_more(cast: Cast, giver: Principal) -> None:
    change = datasession_sharing.add_user(giver, cast.datasession.id, "stranger", ObjectRole.DATASESSION_VIEWER)

    assert await _refused(cast, change)
    assert not await Grant.filter(user=cast.users["stranger"]).exists()


async def test_nobody_is_made_a_member_by_who_manages_no_more(cast: Cast, giver: Principal) -> None:
    change = organization_resolver.add_member(giver, cast.lab.id, "stranger", MemberRole.ADMIN)

    assert await _refused(cast, change)
    assert not await Membership.filter(user=cast.users["stranger"]).exists()


async def test_no_role_is_made_of_rules_that_are_held_no_more(cast: Cast, giver: Principal) -> None:
    assert isinstance(
        await _refused(cast, accounts_roles.create_role(giver, "new", "", ["session:view:global"], None)), Forbidden
    )


async def test_no_account_is_made_with_a_role_that_is_held_no_more(cast: Cast, giver: Principal) -> None:
    change = users.create_user(giver, "newcomer", "a long password", "operator", None)

    assert isinstance(await _refused(cast, change), Forbidden)


async def test_who_gives_first_has_given(cast: Cast, giver: Principal) -> None:
    operator, role = cast.users["operator"], cast.roles["operator"]
    stranger, builder = cast.users["stranger"], cast.roles["builder"]
    for _ in range(10):
        given, _ = await asyncio.gather(
            _attempt(accounts_roles.add_role(giver, stranger.id, builder.id)), roles.take(role, operator, actor=SERVICE)
        )
        held = await RoleHolder.filter(user=stranger, role=builder).delete()
        assert bool(held) is (given is None)
        await roles.give(role, operator, actor=SERVICE)


async def test_of_two_administrators_who_remove_each_other_one_stays(cast: Cast) -> None:
    await organizations.add_member(cast.lab, cast.users["member"], MemberRole.ADMIN, actor=SERVICE)
    first, second = await cast.principal("admin"), await cast.principal("member")

    outcomes = await asyncio.gather(
        _attempt(organization_resolver.remove_member(first, cast.lab.id, "member")),
        _attempt(organization_resolver.remove_member(second, cast.lab.id, "admin")),
    )

    assert sum(outcome is None for outcome in outcomes) == 1
    assert await Membership.filter(organization=cast.lab, role=MemberRole.ADMIN).count() == 1


async def test_of_many_who_take_one_name_at_once_one_gets_it(cast: Cast, giver: Principal) -> None:
    rules = ["session:view:own"]
    for change in (
        lambda: accounts_roles.create_role(giver, "twin", "", rules, None),
        lambda: organization_resolver.create(giver, "Twin lab"),
        lambda: users.create_user(giver, "twin", "a long password", "researcher", None),
    ):
        outcomes = await asyncio.gather(*(_attempt(change()) for _ in range(4)))

        assert sum(outcome is None for outcome in outcomes) == 1
        assert all(isinstance(outcome, BadInput | Conflict) for outcome in outcomes if outcome)
