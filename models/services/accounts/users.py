"""Creates accounts, and checks passwords at sign-in."""

import re
from datetime import timedelta

from tortoise.expressions import F

from core.clock import now
from core.database.connection import transaction
from core.errors import BadInput, RateLimited, Unauthenticated
from core.security import passwords
from core.settings import Settings
from models.accounts.history import ActorKind
from models.accounts.roles import Resource, Role, RoleHolder, role_key
from models.accounts.users import User
from models.permissions.principal import SERVICE, Actor
from models.services.accounts import denials, history
from models.services.accounts.permission_changes import serialized

MIN_USERNAME_LENGTH, MAX_USERNAME_LENGTH = 3, 128
USERNAME = re.compile(rf"[a-zA-Z][a-zA-Z0-9._-]{{{MIN_USERNAME_LENGTH - 1},{MAX_USERNAME_LENGTH - 1}}}")


async def register(
    username: str,
    password: str | None,
    *,
    actor: Actor = SERVICE,
    role: str = "researcher",
    email: str | None = None,
    home_organization_id: int | None = None,
) -> User:
    """Create an account with a default role. BadInput for an invalid user name or password."""
    hashed = await validate_and_hash(username, password)
    return await create_with_hash(
        username, hashed, actor=actor, role=role, email=email, home_organization_id=home_organization_id
    )


async def validate_and_hash(username: str, password: str | None) -> str | None:
    """Validate user name and password, and return the password's hash. Hashing is slow; do it before taking a lock."""
    _check(username, password)
    return await passwords.hash_password(password) if password is not None else None


async def create_with_hash(
    username: str,
    hashed: str | None,
    *,
    actor: Actor,
    role: str,
    email: str | None = None,
    home_organization_id: int | None,
) -> User:
    """Create an account with a hashed password."""
    default_role = await Role.get_or_none(key=role_key(role, None))
    if default_role is None:
        names = ", ".join(
            str(name) for name in await Role.filter(is_default=True).order_by("id").values_list("name", flat=True)
        )
        raise BadInput(f"There is no role {role[:64]!r}; choose one of: {names or 'none'}.", path=("role",))
    async with serialized():
        if await User.filter(username=username).exists():
            raise BadInput("This user name is taken; choose another one.", path=("username",))
        user = await User.create(
            username=username, email=email, password_hash=hashed, home_organization_id=home_organization_id
        )
        await RoleHolder.create(user=user, role=default_role)
        await history.record(Resource.USER, user.id, "register", actor, detail={"role": role})
    return user


def _check(username: str, password: str | None) -> None:
    if not USERNAME.fullmatch(username):
        raise BadInput(
            f"A user name must have {MIN_USERNAME_LENGTH} to {MAX_USERNAME_LENGTH} letters, digits, dots, dashes or "
            "underscores, and begin with a letter.",
            path=("username",),
        )
    if password is not None and len(password) < passwords.MINIMUM_LENGTH:
        raise BadInput(f"A password must have at least {passwords.MINIMUM_LENGTH} characters.", path=("password",))


async def sign_in(username: str, password: str, settings: Settings) -> User:
    """Return the user with this name and password. Too many wrong passwords lock the account for a while."""
    user = await User.get_or_none(username=username) if USERNAME.fullmatch(username) else None
    if user and user.locked_until and now() < user.locked_until:
        await denials.record_sign_in(user.id, "the account is locked")
        raise RateLimited(
            "The account is locked after too many wrong passwords; wait and try again.",
            retry_after=(user.locked_until - now()).total_seconds(),
        )
    valid = await passwords.verify(password, user.password_hash if user and user.is_active else None)
    if user is None:
        await denials.record_sign_in(None, "unknown user name")
        raise Unauthenticated("Wrong user name or password.")
    if not valid:
        await _record_wrong_password(user, settings)
        raise Unauthenticated("Wrong user name or password.")
    async with transaction():
        await User.filter(id=user.id).update(failed_sign_ins=0, locked_until=None)
        await history.record(Resource.USER, user.id, "sign_in", Actor(ActorKind.USER, user.id))
    return user


async def _record_wrong_password(user: User, settings: Settings) -> None:
    async with transaction():
        await User.filter(id=user.id).update(failed_sign_ins=F("failed_sign_ins") + 1)
        await user.refresh_from_db(fields=["failed_sign_ins"])
        await history.record(Resource.USER, user.id, "sign_in_refused", SERVICE, cause="wrong password")
        if user.failed_sign_ins >= settings.sign_in_attempts:
            until = now() + timedelta(seconds=settings.sign_in_lock_seconds)
            await User.filter(id=user.id).update(failed_sign_ins=0, locked_until=until)
            await history.record(Resource.USER, user.id, "lock", SERVICE, cause="too many wrong passwords")
