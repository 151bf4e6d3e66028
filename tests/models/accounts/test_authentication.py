"""From a token to a caller: who may come in, and with how much."""

from datetime import timedelta

import pytest

from core.clock import now
from core.errors import Unauthenticated
from core.security import tokens
from models.accounts.history import HistoryEntry
from models.accounts.roles import DEFAULT_ROLES, DESK, OPERATOR, RESEARCHER, Operation, Resource, Rule, Scope
from models.accounts.users import Token, TokenKind, User
from models.permissions.actor import SERVICE
from models.permissions.principal import PrincipalKind
from models.permissions.rules import widest
from models.policies.data import uploads
from models.policies.sessions import sessions, workstations
from models.services.accounts import authentication, users
from tests.people import Cast


async def _token(cast: Cast, name: str, *scopes: str) -> tuple[Token, str]:
    rules = [Rule.parse(scope) for scope in scopes]
    token, minted = await users.mint_token(
        cast.users[name].id, TokenKind.API, actor=SERVICE, lifetime=timedelta(hours=1), scopes=rules
    )
    return token, minted.text


async def test_a_token_without_scopes_is_its_user(cast: Cast) -> None:
    principal = await authentication.authenticate(await cast.token("stranger"))

    assert (principal.kind, principal.user_id) == (PrincipalKind.USER, cast.users["stranger"].id)
    assert principal.rules == RESEARCHER


async def test_a_token_with_scopes_is_only_those(cast: Cast) -> None:
    _, text = await _token(cast, "owner", "session:view:own")

    principal = await authentication.authenticate(text)

    assert principal.rules == {Rule(Resource.SESSION, Operation.VIEW, Scope.OWN)}


async def test_a_token_never_exceeds_its_user(cast: Cast) -> None:
    _, text = await _token(cast, "stranger", "session:view:global", "user:create:global", "session:view:own")

    assert {str(rule) for rule in (await authentication.authenticate(text)).rules} == {"session:view:own"}


async def test_a_token_may_be_narrower_than_its_user_in_scope(cast: Cast) -> None:
    _, text = await _token(cast, "operator", "session:view:own")

    principal = await authentication.authenticate(text)

    assert not principal.reaches(Resource.SESSION, Operation.VIEW, Scope.GLOBAL)
    assert await sessions.readable(principal).count() == 0


async def test_a_token_loses_what_its_user_loses(cast: Cast) -> None:
    _, text = await _token(cast, "operator", "session:view:global", "session:view:own")
    await cast.users["operator"].held_roles.all().delete()

    assert (await authentication.authenticate(text)).rules == frozenset()


async def test_a_token_that_is_revoked_is_over_at_once(cast: Cast) -> None:
    token, text = await _token(cast, "owner", "session:view:own")
    await authentication.authenticate(text)

    await users.revoke(token, actor=SERVICE)

    with pytest.raises(Unauthenticated):
        await authentication.authenticate(text)


async def test_revoking_twice_is_told_once(cast: Cast) -> None:
    token, _ = await _token(cast, "owner", "session:view:own")

    await users.revoke(token, actor=SERVICE)
    await users.revoke(token, actor=SERVICE)

    assert await HistoryEntry.filter(resource="token", object_id=token.id, action="revoke").count() == 1


async def test_a_token_that_has_expired_is_over(cast: Cast) -> None:
    token, text = await _token(cast, "owner", "session:view:own")
    await Token.filter(id=token.id).update(expires_at=now())

    with pytest.raises(Unauthenticated):
        await authentication.authenticate(text)


async def test_the_tokens_of_an_inactive_user_are_over(cast: Cast) -> None:
    _, text = await _token(cast, "owner", "session:view:own")
    await User.filter(id=cast.users["owner"].id).update(is_active=False)

    with pytest.raises(Unauthenticated):
        await authentication.authenticate(text)


async def test_the_right_key_with_another_secret_is_refused(cast: Cast) -> None:
    _, mine = await _token(cast, "owner")
    _, other = await _token(cast, "owner")

    with pytest.raises(Unauthenticated):
        await authentication.authenticate("_".join([*mine.split("_")[:3], other.split("_", 3)[3]]))


async def test_what_is_no_token_of_ours_is_refused(cast: Cast) -> None:
    for text in ("", "nonsense", tokens.mint("api").text, "carrel_api_a\0b_c", "carrel_api_ü_é"):
        with pytest.raises(Unauthenticated):
            await authentication.authenticate(text)


async def test_the_digest_that_is_stored_opens_nothing(cast: Cast) -> None:
    token, _ = await _token(cast, "owner")

    with pytest.raises(Unauthenticated):
        await authentication.authenticate(f"carrel_api_{token.key}_{token.digest}")


async def test_a_cookie_that_enters_a_session_is_no_key_to_the_api(cast: Cast) -> None:
    with pytest.raises(Unauthenticated):
        await authentication.authenticate(await cast.token("guest", TokenKind.ENTRY))


async def test_a_desk_holds_its_own_few_rules_and_sees_its_own_session_alone(cast: Cast) -> None:
    desk = await cast.principal("desk")

    assert (desk.kind, desk.session_id, desk.rules) == (PrincipalKind.DESK, cast.session.id, DESK)
    assert await sessions.readable(desk).values_list("id", flat=True) == [cast.session.id]
    assert await uploads.readable(desk).count() == 0
    assert await workstations.editable(desk).count() == 0


async def test_the_desk_of_an_operator_is_no_operator(cast: Cast) -> None:
    _, minted = await users.mint_token(
        cast.users["operator"].id, TokenKind.DESK, actor=SERVICE, lifetime=None, session_id=cast.session.id
    )

    desk = await authentication.authenticate(minted.text)

    assert desk.rules == DESK
    assert not desk.reaches(Resource.SESSION, Operation.EDIT, Scope.OWN)


async def test_a_desk_without_a_session_sees_none(cast: Cast) -> None:
    _, minted = await users.mint_token(cast.users["guest"].id, TokenKind.DESK, actor=SERVICE, lifetime=None)

    assert await sessions.readable(await authentication.authenticate(minted.text)).count() == 0


async def test_the_use_of_a_token_is_noted_to_the_minute(cast: Cast) -> None:
    token, text = await _token(cast, "owner")
    await authentication.authenticate(text)
    await token.refresh_from_db()
    first = token.last_used_at

    await authentication.authenticate(text)

    await token.refresh_from_db()
    assert first is not None
    assert token.last_used_at == first


async def test_old_tokens_are_purged_and_live_ones_stay(cast: Cast) -> None:
    old, _ = await _token(cast, "owner")
    revoked, _ = await _token(cast, "owner")
    await Token.filter(id=old.id).update(expires_at=now() - timedelta(days=31))
    await Token.filter(id=revoked.id).update(revoked_at=now() - timedelta(days=31))
    before = await Token.all().count()

    assert await users.purge_tokens() == 2
    assert await Token.all().count() == before - 2
    assert await authentication.authenticate(cast.desk_text)


def test_default_roles_widen_one_another() -> None:
    rules = [held for _, held in DEFAULT_ROLES.values()]

    assert rules[0] < rules[1]
    for rule in rules[1]:
        assert widest(rule.permission) in OPERATOR
    assert {rule for rule in DESK if rule not in RESEARCHER} == set()
