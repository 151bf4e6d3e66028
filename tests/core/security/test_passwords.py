"""Passwords are hashed with argon2id, off the event loop."""

import asyncio

from core.security import passwords


async def test_password_matches_only_its_own_hash() -> None:
    one, other = await asyncio.gather(passwords.hash_password("correct horse"), passwords.hash_password("battery"))

    assert one.startswith("$argon2id$")
    assert await passwords.verify("correct horse", one)
    assert not await passwords.verify("correct horse", other)
    assert not await passwords.verify("Correct horse", one)


async def test_same_password_gets_different_hashes() -> None:
    assert await passwords.hash_password("correct horse") != await passwords.hash_password("correct horse")


async def test_nothing_matches_without_a_hash() -> None:
    assert not await passwords.verify("anything", None)
    assert not await passwords.verify("no user has this password", None)
    assert not await passwords.verify("", "")


async def test_invalid_hash_matches_nothing() -> None:
    assert not await passwords.verify("correct horse", "$argon2id$broken")


async def test_verification_does_not_block_the_loop() -> None:
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
