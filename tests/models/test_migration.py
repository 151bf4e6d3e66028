"""Migrations: they reach the newest schema, can run again, and lose no data."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tortoise.connection import get_connection

from core.database.connection import connect, disconnect, ping
from core.security import tokens
from core.settings import Settings, load
from models.accounts.history import ActorKind, HistoryEntry
from models.accounts.roles import DEFAULT_ROLES, Role
from models.accounts.tokens import Token, TokenKind
from models.accounts.users import User
from models.permissions.principal import PrincipalKind
from models.services.accounts import authentication
from models.services.migration import migrate
from models.sessions.sessions import Session
from models.tables import TABLES
from tests.people import create_people
from tests.services.postgres import Postgres

BEFORE_SESSION_TOKENS = "models.0006_input_names"
LEGACY_ROWS = """
INSERT INTO "user" (id, username, display_name, is_active, failed_sign_ins, created_at)
    VALUES (1, 'ada', '', TRUE, 0, CURRENT_TIMESTAMP);
INSERT INTO token (id, kind, key, digest, user_id, name, created_at)
    VALUES (1, 'desk', :key, :digest, 1, '', CURRENT_TIMESTAMP);
INSERT INTO history_entry (id, resource, object_id, action, actor_kind, actor_id, cause, detail, at)
    VALUES (1, 'session', 1, 'keep_alive', 'desk', 1, '', '{}', CURRENT_TIMESTAMP);
"""


def _copies(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.before-*"))


async def test_new_folder_gets_database_and_default_roles(data_dir: Path) -> None:
    settings = load(data_dir=data_dir / "new")

    assert await migrate(settings) != []

    await connect(settings, TABLES)
    await ping()
    assert set(await Role.all().values_list("name", flat=True)) == set(DEFAULT_ROLES)
    assert not _copies(data_dir / "new"), "there was nothing to copy"
    await disconnect()


async def test_migrating_a_filled_database_again_changes_nothing(settings: Settings, database_url: str) -> None:
    await connect(settings, TABLES)
    await create_people(settings)
    before = (await User.all().count(), await Session.all().count())
    await disconnect()

    assert await migrate(settings) == []
    assert await migrate(settings) == []

    await connect(settings, TABLES)
    assert (await User.all().count(), await Session.all().count()) == before
    assert not _copies(settings.data_dir)
    await disconnect()


async def test_one_process_migrates_databases_of_both_kinds(
    settings: Settings, database_url: str, data_dir: Path
) -> None:
    await migrate(load(data_dir=data_dir / "new"))
    await migrate(settings)

    await connect(settings, TABLES)
    assert await Role.all().count() == len(DEFAULT_ROLES)
    await disconnect()


async def test_migration_resets_default_roles_only(settings: Settings, database_url: str) -> None:
    await migrate(settings)
    await connect(settings, TABLES)
    await Role.filter(name="researcher").update(rules=["user:view:global"], description="Tampered.")
    await Role.create(name="own", rules=["user:view:own"])
    await disconnect()

    await migrate(settings)

    await connect(settings, TABLES)
    researcher = await Role.get(name="researcher")
    assert set(researcher.rules) == {str(rule) for rule in DEFAULT_ROLES["researcher"][1]}
    assert (await Role.get(name="own")).rules == ["user:view:own"]
    await disconnect()


async def test_sqlite_file_is_copied_before_migration(data_dir: Path) -> None:
    settings = load(data_dir=data_dir)
    names = await migrate(settings)
    await connect(settings, TABLES)
    await create_people(settings)
    sessions = await Session.all().count()
    await disconnect()

    await migrate(settings, target=f"models.{names[-1]}")

    (copy,) = _copies(data_dir)
    await connect(settings, TABLES)
    assert await Session.all().count() == sessions
    await disconnect()
    await connect(load(data_dir=data_dir / "elsewhere", database_url=f"sqlite://{copy}"), TABLES)
    assert await Session.all().count() == sessions
    await disconnect()


async def test_every_table_matches_its_migrations(settings: Settings, database_url: str) -> None:
    await connect(settings, TABLES)
    filled = await create_people(settings)

    for row in (filled.workstation, filled.image, filled.session, filled.upload, filled.lab, filled.region):
        assert await type(row).get(id=row.pk)
    await disconnect()


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request: pytest.FixtureRequest, data_dir: Path) -> Iterator[str]:
    """Address of a database of each kind without any table."""
    if request.param == "sqlite":
        yield f"sqlite://{data_dir / 'empty.sqlite'}"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    name = f"empty_{uuid4().hex[:12]}"
    yield asyncio.run(postgres.create(name))
    asyncio.run(postgres.drop(name))


async def _insert_legacy_token(key: str, digest: str) -> None:
    # The models have no kind `desk`, so the rows are inserted with plain SQL.
    script = LEGACY_ROWS.replace(":key", f"'{key}'").replace(":digest", f"'{digest}'")
    await get_connection("default").execute_script(script)


async def _stored_kinds() -> tuple[str, str]:
    client = get_connection("default")
    token = await client.execute_query_dict("SELECT kind FROM token")
    entry = await client.execute_query_dict("SELECT actor_kind FROM history_entry")
    return token[0]["kind"], entry[0]["actor_kind"]


async def test_old_token_kind_becomes_session_and_back(empty_database_url: str, data_dir: Path) -> None:
    settings, minted = load(data_dir=data_dir, database_url=empty_database_url), tokens.mint("desk")
    await migrate(settings, target=BEFORE_SESSION_TOKENS)
    await connect(settings, TABLES)
    await _insert_legacy_token(minted.key, minted.digest)
    await disconnect()

    await migrate(settings)

    await connect(settings, TABLES)
    assert await _stored_kinds() == ("session", "session")
    assert (await Token.get()).kind is TokenKind.SESSION
    assert (await HistoryEntry.get()).actor_kind is ActorKind.SESSION
    assert minted.text.startswith("carrel_desk_")
    principal = await authentication.authenticate(minted.text)
    assert (principal.kind, principal.user_id) == (PrincipalKind.SESSION, 1)
    await disconnect()

    await migrate(settings, target=BEFORE_SESSION_TOKENS)

    await connect(settings, TABLES)
    assert await _stored_kinds() == ("desk", "desk")
    await disconnect()
