"""Passwords are kept as argon2id, and checked without holding up the loop."""

import asyncio

from core.security import passwords


async def test_a_password_matches_its_own_hash_and_no_other() -> None:
    one, other = await asyncio.gather(passwords.hash_password("correct horse"), passwords.hash_password("battery"))

    assert one.startswith("$argon2id$")
    assert await passwords.verify("correct horse", one)
    assert not await passwords.verify("correct horse", other)
    assert not await passwords.verify("Correct horse", one)


async def test_the_same_password_has_another_hash_each_time() -> None:
    assert await passwords.hash_password("correct horse") != await passwords.hash_password("correct horse")


async def test_without_a_hash_nothing_matches_not_even_what_nobody_has() -> None:
    assert not await passwords.verify("anything", None)
    assert not await passwords.verify("nobody has this password", None)
    assert not await passwords.verify("", "")


async def test_a_broken_hash_is_a_wrong_password() -> None:
    assert not await passwords.verify("correct horse", "$argon2id$broken")


async def test_the_loop_goes_on_while_a_password_is_checked() -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    await passwords.hash_password("correct horse")
    ticking.cancel()

    assert ticks > 2
