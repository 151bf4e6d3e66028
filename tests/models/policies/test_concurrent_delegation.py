"""Concurrent permission changes: a change uses the caller's permissions at its commit, over all processes."""

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
from models.permissions.principal import SERVICE, Principal
from models.services.accounts import organizations, roles
from resolvers.accounts import members, users
from resolvers.accounts import organizations as organization_resolver
from resolvers.accounts import roles as accounts_roles
from resolvers.data import datasession_grants
from resolvers.sessions import workstation_grants
from tests.models import concurrent_revoker
from tests.people import People

LOCK_CHECK_SECONDS = 0.5
"""Long enough for a change to complete if it does not wait for the lock."""


@asynccontextmanager
async def revoking_in_another_process(people: People, role: str, username: str) -> AsyncIterator[Process]:
    """Run a process that unassigns the role and commits when it reads a line."""
    arguments = (str(people.settings.database_url), username, role)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-m", concurrent_revoker.__name__, *arguments, stdin=PIPE, stdout=PIPE
    )
    try:
        assert process.stdout
        async with asyncio.timeout(30):
            assert (await process.stdout.readline()).decode().strip() == concurrent_revoker.UNASSIGNED
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
async def operator_principal(people: People) -> Principal:
    """The operator with its permissions from before the role is unassigned."""
    return await people.principal("operator")


async def _refused(people: People, change: Awaitable[Any]) -> CarrelError | None:
    """Make a change while another process unassigns the operator's role. Return the refusal."""
    async with revoking_in_another_process(people, "operator", "operator") as process:
        pending = asyncio.ensure_future(_attempt(change))
        done, _ = await asyncio.wait({pending}, timeout=LOCK_CHECK_SECONDS)
        assert not done, "the change waits for the lock"
        await process.communicate(b"\n")
        async with asyncio.timeout(20):
            return await pending


async def test_user_losing_its_role_cannot_assign_roles(people: People, operator_principal: Principal) -> None:
    stranger, builder = people.users["stranger"], people.roles["builder"]

    refusal = await _refused(people, accounts_roles.add_role(operator_principal, stranger.id, builder.id))

    assert isinstance(refusal, CarrelError)
    assert not await RoleHolder.filter(user=stranger, role=builder).exists()


async def test_user_losing_a_rule_cannot_assign_it(people: People, operator_principal: Principal) -> None:
    stranger = people.users["stranger"]

    assert await _refused(people, accounts_roles.add_rule(operator_principal, stranger.id, "session:view:global"))
    assert not await UserRule.filter(user=stranger).exists()


async def test_user_losing_share_permission_cannot_share_workstation(
    people: People, operator_principal: Principal
) -> None:
    change = workstation_grants.add_user(
        operator_principal, people.workstation.id, "stranger", ObjectRole.WORKSTATION_EDITOR
    )

    assert await _refused(people, change)
    assert not await Grant.filter(user=people.users["stranger"]).exists()


async def test_user_losing_share_permission_cannot_share_datasession(
    people: People, operator_principal: Principal
) -> None:
    change = datasession_grants.add_user(
        operator_principal, people.datasession.id, "stranger", ObjectRole.DATASESSION_VIEWER
    )

    assert await _refused(people, change)
    assert not await Grant.filter(user=people.users["stranger"]).exists()


async def test_user_losing_management_cannot_add_member(people: People, operator_principal: Principal) -> None:
    change = members.add(operator_principal, people.lab.id, "stranger", MemberRole.ADMIN)

    assert await _refused(people, change)
    assert not await Membership.filter(user=people.users["stranger"]).exists()


async def test_user_losing_rules_cannot_create_role(people: People, operator_principal: Principal) -> None:
    assert isinstance(
        await _refused(
            people, accounts_roles.create_role(operator_principal, "new", "", ["session:view:global"], None)
        ),
        Forbidden,
    )


async def test_user_losing_role_cannot_create_account_with_it(people: People, operator_principal: Principal) -> None:
    change = users.create_user(operator_principal, "newcomer", "a long password", "operator", None)

    assert isinstance(await _refused(people, change), Forbidden)


async def test_first_of_two_concurrent_changes_holds(people: People, operator_principal: Principal) -> None:
    operator, role = people.users["operator"], people.roles["operator"]
    stranger, builder = people.users["stranger"], people.roles["builder"]
    for _ in range(10):
        refusal, _ = await asyncio.gather(
            _attempt(accounts_roles.add_role(operator_principal, stranger.id, builder.id)),
            roles.unassign(role, operator, actor=SERVICE),
        )
        assigned = await RoleHolder.filter(user=stranger, role=builder).delete()
        assert bool(assigned) is (refusal is None)
        await roles.assign(role, operator, actor=SERVICE)


async def test_administrators_removing_each_other_leave_one(people: People) -> None:
    await organizations.add_member(people.lab, people.users["member"], MemberRole.ADMIN, actor=SERVICE)
    first, second = await people.principal("admin"), await people.principal("member")

    outcomes = await asyncio.gather(
        _attempt(members.remove(first, people.lab.id, "member")),
        _attempt(members.remove(second, people.lab.id, "admin")),
    )

    assert sum(outcome is None for outcome in outcomes) == 1
    assert await Membership.filter(organization=people.lab, role=MemberRole.ADMIN).count() == 1


async def test_concurrent_creates_with_one_name_succeed_once(people: People, operator_principal: Principal) -> None:
    rules = ["session:view:own"]
    for change in (
        lambda: accounts_roles.create_role(operator_principal, "twin", "", rules, None),
        lambda: organization_resolver.create(operator_principal, "Twin lab"),
        lambda: users.create_user(operator_principal, "twin", "a long password", "researcher", None),
    ):
        outcomes = await asyncio.gather(*(_attempt(change()) for _ in range(4)))

        assert sum(outcome is None for outcome in outcomes) == 1
        assert all(isinstance(outcome, BadInput | Conflict) for outcome in outcomes if outcome)
