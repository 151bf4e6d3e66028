"""Accounts: registering, signing in, being locked out and let in again."""

import asyncio
from datetime import timedelta

import pytest

from core.clock import now
from core.errors import BadInput, CarrelError, RateLimited, Unauthenticated
from core.security.passwords import hash_password
from core.settings import Settings
from models.accounts.history import HistoryEntry
from models.accounts.roles import RoleHolder
from models.accounts.users import User
from models.services.accounts import authentication, users
from models.services.accounts.roles import sync_default_roles

PASSWORD = "correct horse"
HASH = asyncio.run(hash_password(PASSWORD))


@pytest.fixture
async def user(database: Settings) -> User:
    await sync_default_roles()
    user = await users.register("ada", None, email="ada@example.org")
    user.password_hash = HASH
    await user.save()
    return user


async def _actions(user: User) -> list[str]:
    entries = await HistoryEntry.filter(resource="user", object_id=user.id).order_by("id")
    return [entry.action for entry in entries]


async def test_a_new_account_holds_one_role_and_no_readable_password(user: User) -> None:
    made = await users.register("bob", PASSWORD)

    assert made.password_hash is not None
    assert PASSWORD not in made.password_hash
    assert await RoleHolder.filter(user=made).count() == 1
    assert await _actions(made) == ["register"]


async def test_a_name_that_is_none_is_refused(user: User) -> None:
    for name in ("", "ab", "1ada", "-ada", "a da", "ada\n", "ada\0", "ädä", "a" * 129, "../ada", "ada@example.org"):
        with pytest.raises(BadInput) as caught:
            await users.register(name, None)
        assert caught.value.path == ("username",), name


async def test_an_ordinary_name_is_taken(user: User) -> None:
    for name in ("bob", "b.o-b_1", "b" * 128):
        assert (await users.register(name, None)).username == name


async def test_a_short_password_is_refused(user: User) -> None:
    with pytest.raises(BadInput) as caught:
        await users.register("bob", "short")

    assert caught.value.path == ("password",)


async def test_a_name_is_given_once(user: User) -> None:
    with pytest.raises(BadInput, match="taken"):
        await users.register("ada", PASSWORD)

    assert await User.all().count() == 1


async def test_an_unknown_role_makes_no_account(user: User) -> None:
    with pytest.raises(CarrelError):
        await users.register("bob", PASSWORD, role="emperor")

    assert await User.all().count() == 1


async def test_the_right_password_signs_in(user: User, settings: Settings) -> None:
    assert (await users.sign_in("ada", PASSWORD, settings)).id == user.id
    assert await _actions(user) == ["register", "sign_in"]


async def test_name_and_password_are_wrong_in_the_same_words(user: User, settings: Settings) -> None:
    with pytest.raises(Unauthenticated) as unknown:
        await users.sign_in("nobody", PASSWORD, settings)
    with pytest.raises(Unauthenticated) as wrong:
        await users.sign_in("ada", "wrong horse", settings)

    assert unknown.value.message == wrong.value.message


async def test_a_strange_name_is_just_wrong(user: User, settings: Settings) -> None:
    for name in ("", "ada\0", "x" * 10_000):
        with pytest.raises(Unauthenticated):
            await users.sign_in(name, PASSWORD, settings)


async def test_an_account_without_a_password_cannot_be_signed_in_to(user: User, settings: Settings) -> None:
    await users.register("robot", None)

    for password in ("", "nobody has this password"):
        with pytest.raises(Unauthenticated):
            await users.sign_in("robot", password, settings)


async def test_an_inactive_account_cannot_be_signed_in_to(user: User, settings: Settings) -> None:
    await User.filter(id=user.id).update(is_active=False)

    with pytest.raises(Unauthenticated):
        await users.sign_in("ada", PASSWORD, settings)


async def _mistake(settings: Settings, times: int) -> None:
    for _ in range(times):
        with pytest.raises(Unauthenticated):
            await users.sign_in("ada", "wrong horse", settings)


async def test_too_many_mistakes_lock_the_account_even_for_the_right_password(user: User, settings: Settings) -> None:
    await _mistake(settings, settings.sign_in_attempts)

    with pytest.raises(RateLimited) as caught:
        await users.sign_in("ada", PASSWORD, settings)

    assert 0 < caught.value.retry_after <= settings.sign_in_lock_seconds
    assert (await _actions(user))[-2:] == ["lock", "sign_in_refused"]


async def test_a_lock_ends_by_itself(user: User, settings: Settings) -> None:
    await _mistake(settings, settings.sign_in_attempts)
    await User.filter(id=user.id).update(locked_until=now() - timedelta(seconds=1))

    assert await users.sign_in("ada", PASSWORD, settings)
    await user.refresh_from_db()
    assert (user.failed_sign_ins, user.locked_until) == (0, None)


async def test_a_good_sign_in_forgets_the_mistakes_before_it(user: User, settings: Settings) -> None:
    strict = settings.model_copy(update={"sign_in_attempts": 2})
    for _ in range(2):
        await _mistake(strict, 1)
        assert await users.sign_in("ada", PASSWORD, strict)


async def test_a_lock_does_not_end_what_is_signed_in(user: User, settings: Settings) -> None:
    _, minted = await users.mint_token(user.id, "browser", actor=users.SERVICE, lifetime=None)  # type: ignore[arg-type]
    await _mistake(settings, settings.sign_in_attempts)

    assert (await authentication.authenticate(minted.text)).user_id == user.id


async def test_sign_ins_that_were_refused_at_once_are_recorded_and_not_flooded(user: User, settings: Settings) -> None:
    await _mistake(settings, settings.sign_in_attempts)
    for _ in range(3):
        with pytest.raises(RateLimited):
            await users.sign_in("ada", PASSWORD, settings)
        with pytest.raises(Unauthenticated):
            await users.sign_in("my secret password", PASSWORD, settings)

    refused = await HistoryEntry.filter(action="sign_in_refused", once__isnull=False).order_by("object_id")
    assert [(entry.object_id, entry.cause) for entry in refused] == [
        (0, "unknown user name"),
        (user.id, "the account is locked"),
    ]
    assert "secret" not in str(await HistoryEntry.all().values())
