"""Accounts: registration, sign-in and locking."""

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
from models.services.accounts import authentication, tokens, users
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


async def test_new_account_has_role_and_hashed_password(user: User) -> None:
    made = await users.register("bob", PASSWORD)

    assert made.password_hash is not None
    assert PASSWORD not in made.password_hash
    assert await RoleHolder.filter(user=made).count() == 1
    assert await _actions(made) == ["register"]


async def test_invalid_user_name_is_refused(user: User) -> None:
    for name in ("", "ab", "1ada", "-ada", "a da", "ada\n", "ada\0", "ädä", "a" * 129, "../ada", "ada@example.org"):
        with pytest.raises(BadInput) as caught:
            await users.register(name, None)
        assert caught.value.path == ("username",), name


async def test_ordinary_user_name_is_accepted(user: User) -> None:
    for name in ("bob", "b.o-b_1", "b" * 128):
        assert (await users.register(name, None)).username == name


async def test_short_password_is_refused(user: User) -> None:
    with pytest.raises(BadInput) as caught:
        await users.register("bob", "short")

    assert caught.value.path == ("password",)


async def test_user_name_is_unique(user: User) -> None:
    with pytest.raises(BadInput, match="taken"):
        await users.register("ada", PASSWORD)

    assert await User.all().count() == 1


async def test_unknown_role_creates_no_account(user: User) -> None:
    with pytest.raises(CarrelError):
        await users.register("bob", PASSWORD, role="emperor")

    assert await User.all().count() == 1


async def test_right_password_signs_in(user: User, settings: Settings) -> None:
    assert (await users.sign_in("ada", PASSWORD, settings)).id == user.id
    assert await _actions(user) == ["register", "sign_in"]


async def test_wrong_name_and_password_give_same_message(user: User, settings: Settings) -> None:
    with pytest.raises(Unauthenticated) as unknown:
        await users.sign_in("nobody", PASSWORD, settings)
    with pytest.raises(Unauthenticated) as wrong:
        await users.sign_in("ada", "wrong horse", settings)

    assert unknown.value.message == wrong.value.message


async def test_malformed_user_name_is_unauthenticated(user: User, settings: Settings) -> None:
    for name in ("", "ada\0", "x" * 10_000):
        with pytest.raises(Unauthenticated):
            await users.sign_in(name, PASSWORD, settings)


async def test_account_without_password_cannot_sign_in(user: User, settings: Settings) -> None:
    await users.register("robot", None)

    for password in ("", "no user has this password"):
        with pytest.raises(Unauthenticated):
            await users.sign_in("robot", password, settings)


async def test_inactive_account_cannot_sign_in(user: User, settings: Settings) -> None:
    await User.filter(id=user.id).update(is_active=False)

    with pytest.raises(Unauthenticated):
        await users.sign_in("ada", PASSWORD, settings)


async def _fail_sign_in(settings: Settings, times: int) -> None:
    for _ in range(times):
        with pytest.raises(Unauthenticated):
            await users.sign_in("ada", "wrong horse", settings)


async def test_wrong_passwords_lock_the_account(user: User, settings: Settings) -> None:
    await _fail_sign_in(settings, settings.sign_in_attempts)

    with pytest.raises(RateLimited) as caught:
        await users.sign_in("ada", PASSWORD, settings)

    assert 0 < caught.value.retry_after <= settings.sign_in_lock_seconds
    assert (await _actions(user))[-2:] == ["lock", "sign_in_refused"]


async def test_lock_expires(user: User, settings: Settings) -> None:
    await _fail_sign_in(settings, settings.sign_in_attempts)
    await User.filter(id=user.id).update(locked_until=now() - timedelta(seconds=1))

    assert await users.sign_in("ada", PASSWORD, settings)
    await user.refresh_from_db()
    assert (user.failed_sign_ins, user.locked_until) == (0, None)


async def test_sign_in_resets_the_failure_count(user: User, settings: Settings) -> None:
    strict = settings.model_copy(update={"sign_in_attempts": 2})
    for _ in range(2):
        await _fail_sign_in(strict, 1)
        assert await users.sign_in("ada", PASSWORD, strict)


async def test_lock_keeps_existing_tokens_valid(user: User, settings: Settings) -> None:
    _, minted = await tokens.mint(user.id, "browser", actor=users.SERVICE, lifetime=None)  # type: ignore[arg-type]
    await _fail_sign_in(settings, settings.sign_in_attempts)

    assert (await authentication.authenticate(minted.text)).user_id == user.id


async def test_refused_sign_ins_are_recorded_once(user: User, settings: Settings) -> None:
    await _fail_sign_in(settings, settings.sign_in_attempts)
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
