"""Transactions are atomic, nested ones join, and after-commit hooks run only after a commit."""

import asyncio

import pytest

from core.database import connection as databases
from core.database.connection import after_commit, before_commit, transaction
from core.settings import Settings
from models.accounts.organizations import Organization


async def _create_organization(name: str) -> None:
    await Organization.create(name=name, slug=name)


async def test_hooks_run_in_order_around_the_commit(database: Settings) -> None:
    calls: list[str] = []

    async def note(what: str) -> None:
        calls.append(f"{what} {await Organization.all().count()}")

    async with transaction():
        after_commit(lambda: note("after"))
        before_commit(lambda: note("before"))
        before_commit(lambda: note("before again"))
        await _create_organization("lab")
        calls.append("inside")

    assert calls == ["inside", "before 1", "before again 1", "after 1"]


async def test_rollback_writes_nothing_and_runs_no_hook(database: Settings) -> None:
    calls: list[str] = []

    async def note() -> None:
        calls.append("calls")

    async def failing_transaction() -> None:
        async with transaction():
            before_commit(note)
            after_commit(note)
            await _create_organization("lab")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing_transaction()

    assert (calls, await Organization.all().count()) == ([], 0)


async def test_failing_before_commit_hook_rolls_back(database: Settings) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    async def failing_transaction() -> None:
        async with transaction():
            before_commit(fail)
            await _create_organization("lab")

    with pytest.raises(ZeroDivisionError):
        await failing_transaction()

    assert await Organization.all().count() == 0


async def test_nested_transaction_joins_the_outer(database: Settings) -> None:
    calls: list[int] = []

    async def note() -> None:
        calls.append(await Organization.all().count())

    async with transaction():
        async with transaction():
            await _create_organization("inner")
            after_commit(note)
        assert calls == []
        await _create_organization("outer")

    assert calls == [2]


async def test_outer_rollback_undoes_nested_writes(database: Settings) -> None:
    async def failing_transaction() -> None:
        async with transaction():
            async with transaction():
                await _create_organization("inner")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing_transaction()

    assert await Organization.all().count() == 0


async def test_hooks_need_a_transaction(database: Settings) -> None:
    async def note() -> None: ...

    with pytest.raises(RuntimeError, match="transaction"):
        after_commit(note)


async def test_transaction_belongs_to_its_task(database: Settings) -> None:
    async def is_open_in_another_task() -> bool:
        try:
            databases.current_transaction()
        except RuntimeError:
            return False
        return True

    own = asyncio.create_task(is_open_in_another_task())
    async with transaction():
        assert await asyncio.wait_for(own, 5) is False
        assert databases.current_transaction()
    assert await is_open_in_another_task() is False


async def test_transaction_after_a_failure_has_no_old_hooks(database: Settings) -> None:
    async def fail() -> None:
        async with transaction():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with transaction():
        await _create_organization("lab")

    assert await Organization.all().count() == 1


async def test_twenty_concurrent_transactions_all_commit(database: Settings) -> None:
    async def one(number: int) -> None:
        async with transaction():
            await _create_organization(f"lab-{number}")

    await asyncio.gather(*(one(number) for number in range(20)))

    assert await Organization.all().count() == 20


async def test_ping_succeeds_and_dialect_is_returned(database: Settings) -> None:
    await databases.ping()

    assert databases.dialect() in {"sqlite", "postgres"}
    assert (databases.dialect() == "sqlite") is (database.database_url or "").startswith("sqlite")
