"""Authentication: tokens are resolved to principals with the right permissions."""

from datetime import timedelta

import pytest

from core.clock import now
from core.errors import Unauthenticated
from core.security import tokens
from models.accounts.history import HistoryEntry
from models.accounts.roles import DEFAULT_ROLES, OPERATOR, RESEARCHER, SESSION, PermissionVerb, Resource, Rule, Scope
from models.accounts.tokens import Token, TokenKind
from models.accounts.users import User
from models.permissions.principal import SERVICE, PrincipalKind
from models.permissions.rules import widest_rule
from models.policies.data import uploads
from models.policies.sessions import sessions, workstations
from models.services.accounts import authentication
from models.services.accounts import tokens as account_tokens
from models.sessions.sessions import Session
from tests.people import People


async def _token(people: People, name: str, *scopes: str) -> tuple[Token, str]:
    rules = [Rule.parse(scope) for scope in scopes]
    token, minted = await account_tokens.mint(
        people.users[name].id, TokenKind.API, actor=SERVICE, lifetime=timedelta(hours=1), scopes=rules
    )
    return token, minted.text


async def test_token_without_scopes_has_user_rules(people: People) -> None:
    principal = await authentication.authenticate(await people.token("stranger"))

    assert (principal.kind, principal.user_id) == (PrincipalKind.USER, people.users["stranger"].id)
    assert principal.rules == RESEARCHER


async def test_token_with_scopes_has_only_those(people: People) -> None:
    _, text = await _token(people, "owner", "session:view:own")

    principal = await authentication.authenticate(text)

    assert principal.rules == {Rule(Resource.SESSION, PermissionVerb.VIEW, Scope.OWN)}


async def test_token_never_exceeds_its_user(people: People) -> None:
    _, text = await _token(people, "stranger", "session:view:global", "user:create:global", "session:view:own")

    assert {str(rule) for rule in (await authentication.authenticate(text)).rules} == {"session:view:own"}


async def test_token_can_have_narrower_scope(people: People) -> None:
    _, text = await _token(people, "operator", "session:view:own")

    principal = await authentication.authenticate(text)

    assert not principal.has_scope(Resource.SESSION, PermissionVerb.VIEW, Scope.GLOBAL)
    assert await sessions.readable(principal).count() == 0


async def test_token_loses_rules_with_its_user(people: People) -> None:
    _, text = await _token(people, "operator", "session:view:global", "session:view:own")
    await people.users["operator"].held_roles.all().delete()

    assert (await authentication.authenticate(text)).rules == frozenset()


async def test_revoked_token_is_refused_at_once(people: People) -> None:
    token, text = await _token(people, "owner", "session:view:own")
    await authentication.authenticate(text)

    await account_tokens.revoke(token, actor=SERVICE)

    with pytest.raises(Unauthenticated):
        await authentication.authenticate(text)


async def test_revoking_twice_is_recorded_once(people: People) -> None:
    token, _ = await _token(people, "owner", "session:view:own")

    await account_tokens.revoke(token, actor=SERVICE)
    await account_tokens.revoke(token, actor=SERVICE)

    assert await HistoryEntry.filter(resource="token", object_id=token.id, action="revoke").count() == 1


async def test_expired_token_is_refused(people: People) -> None:
    token, text = await _token(people, "owner", "session:view:own")
    await Token.filter(id=token.id).update(expires_at=now())

    with pytest.raises(Unauthenticated):
        await authentication.authenticate(text)


async def test_token_of_inactive_user_is_refused(people: People) -> None:
    _, text = await _token(people, "owner", "session:view:own")
    await User.filter(id=people.users["owner"].id).update(is_active=False)

    with pytest.raises(Unauthenticated):
        await authentication.authenticate(text)


async def test_right_key_with_wrong_secret_is_refused(people: People) -> None:
    _, own = await _token(people, "owner")
    _, other = await _token(people, "owner")

    with pytest.raises(Unauthenticated):
        await authentication.authenticate("_".join([*own.split("_")[:3], other.split("_", 3)[3]]))


async def test_malformed_token_is_refused(people: People) -> None:
    for text in ("", "nonsense", tokens.mint("api").text, "carrel_api_a\0b_c", "carrel_api_ü_é"):
        with pytest.raises(Unauthenticated):
            await authentication.authenticate(text)


async def test_stored_digest_is_not_a_credential(people: People) -> None:
    token, _ = await _token(people, "owner")

    with pytest.raises(Unauthenticated):
        await authentication.authenticate(f"carrel_api_{token.key}_{token.digest}")


async def test_entry_cookie_is_refused_by_the_api(people: People) -> None:
    with pytest.raises(Unauthenticated):
        await authentication.authenticate(await people.token("guest", TokenKind.ENTRY))


async def test_session_token_sees_only_its_session(people: People) -> None:
    principal = await people.principal("container")

    assert (principal.kind, principal.session_id, principal.rules) == (
        PrincipalKind.SESSION,
        people.session.id,
        SESSION,
    )
    assert await sessions.readable(principal).values_list("id", flat=True) == [people.session.id]
    assert await uploads.readable(principal).count() == 0
    assert await workstations.editable(principal).count() == 0


async def test_session_token_carries_the_data_session_of_its_session(people: People) -> None:
    await Session.filter(id=people.session.id).update(datasession_id=people.datasession.id)
    principal = await people.principal("container")

    reloaded = await authentication.load_principals([(principal.token_id, principal.user_id)])

    assert principal.datasession_id == people.datasession.id
    assert list(reloaded.values()) == [principal]
    assert (await people.principal("guest")).datasession_id is None


async def test_session_token_of_operator_is_not_operator(people: People) -> None:
    _, minted = await account_tokens.mint(
        people.users["operator"].id, TokenKind.SESSION, actor=SERVICE, lifetime=None, session_id=people.session.id
    )

    principal = await authentication.authenticate(minted.text)

    assert minted.text.startswith("carrel_session_")
    assert principal.rules == SESSION
    assert not principal.has_scope(Resource.SESSION, PermissionVerb.EDIT, Scope.OWN)


async def test_session_token_without_session_sees_none(people: People) -> None:
    _, minted = await account_tokens.mint(people.users["guest"].id, TokenKind.SESSION, actor=SERVICE, lifetime=None)

    assert await sessions.readable(await authentication.authenticate(minted.text)).count() == 0


async def test_token_use_is_recorded_once_a_minute(people: People) -> None:
    token, text = await _token(people, "owner")
    await authentication.authenticate(text)
    await token.refresh_from_db()
    first = token.last_used_at

    await authentication.authenticate(text)

    await token.refresh_from_db()
    assert first is not None
    assert token.last_used_at == first


async def test_purge_deletes_only_old_tokens(people: People) -> None:
    old, _ = await _token(people, "owner")
    revoked, _ = await _token(people, "owner")
    await Token.filter(id=old.id).update(expires_at=now() - timedelta(days=31))
    await Token.filter(id=revoked.id).update(revoked_at=now() - timedelta(days=31))
    before = await Token.all().count()

    assert await account_tokens.purge() == 2
    assert await Token.all().count() == before - 2
    assert await authentication.authenticate(people.container_token)


def test_default_roles_include_one_another() -> None:
    rules = [role_rules for _, role_rules in DEFAULT_ROLES.values()]

    assert rules[0] < rules[1]
    for rule in rules[1]:
        assert widest_rule(rule.permission) in OPERATOR
    assert {rule for rule in SESSION if rule not in RESEARCHER} == set()
