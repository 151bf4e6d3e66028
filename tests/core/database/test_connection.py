"""Transactions: all or nothing, nested ones join, and promises are kept after the commit alone."""

import asyncio

import pytest

from core.database import connection as databases
from core.database.connection import after_commit, before_commit, transaction
from core.settings import Settings
from models.accounts.organizations import Organization


async def _found(name: str) -> None:
    await Organization.create(name=name, slug=name)


async def test_what_was_promised_happens_in_order_around_the_commit(database: Settings) -> None:
    told: list[str] = []

    async def note(what: str) -> None:
        told.append(f"{what} {await Organization.all().count()}")

    async with transaction():
        after_commit(lambda: note("after"))
        before_commit(lambda: note("before"))
        before_commit(lambda: note("before again"))
        await _found("lab")
        told.append("inside")

    assert told == ["inside", "before 1", "before again 1", "after 1"]


async def test_a_rollback_leaves_nothing_and_keeps_no_promise(database: Settings) -> None:
    told: list[str] = []

    async def note() -> None:
        told.append("told")

    async def founded_in_vain() -> None:
        async with transaction():
            before_commit(note)
            after_commit(note)
            await _found("lab")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await founded_in_vain()

    assert (told, await Organization.all().count()) == ([], 0)


async def test_a_promise_that_fails_before_the_commit_undoes_it(database: Settings) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    async def founded() -> None:
        async with transaction():
            before_commit(fail)
            await _found("lab")

    with pytest.raises(ZeroDivisionError):
        await founded()

    assert await Organization.all().count() == 0


async def test_a_transaction_inside_another_joins_it(database: Settings) -> None:
    told: list[int] = []

    async def note() -> None:
        told.append(await Organization.all().count())

    async with transaction():
        async with transaction():
            await _found("inner")
            after_commit(note)
        assert told == []
        await _found("outer")

    assert told == [2]


async def test_what_an_inner_one_wrote_goes_with_the_outer(database: Settings) -> None:
    async def founded_in_vain() -> None:
        async with transaction():
            async with transaction():
                await _found("inner")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await founded_in_vain()

    assert await Organization.all().count() == 0


async def test_promises_need_a_transaction(database: Settings) -> None:
    async def note() -> None: ...

    with pytest.raises(RuntimeError, match="transaction"):
        after_commit(note)


async def test_a_transaction_is_its_tasks_own(database: Settings) -> None:
    async def elsewhere() -> bool:
        try:
            databases.current()
        except RuntimeError:
            return False
        return True

    own = asyncio.create_task(elsewhere())
    async with transaction():
        assert await asyncio.wait_for(own, 5) is False
        assert databases.current()
    assert await elsewhere() is False


async def test_the_next_transaction_starts_afresh_after_a_failure(database: Settings) -> None:
    async def fail() -> None:
        async with transaction():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with transaction():
        await _found("lab")

    assert await Organization.all().count() == 1


async def test_twenty_transactions_at_once_all_hold(database: Settings) -> None:
    async def one(number: int) -> None:
        async with transaction():
            await _found(f"lab-{number}")

    await asyncio.gather(*(one(number) for number in range(20)))

    assert await Organization.all().count() == 20


async def test_ping_answers_and_the_dialect_is_known(database: Settings) -> None:
    await databases.ping()

    assert databases.dialect() in {"sqlite", "postgres"}
    assert (databases.dialect() == "sqlite") is (database.database_url or "").startswith("sqlite")
