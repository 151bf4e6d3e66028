"""Migrations: to the newest shape, twice is harmless, and nothing that was there is lost."""

from pathlib import Path

from core.database.connection import connect, disconnect, ping
from core.settings import Settings, load
from models.accounts.roles import DEFAULT_ROLES, Role
from models.accounts.users import User
from models.services.migration import migrate
from models.sessions.sessions import Session
from tests.people import assemble


def _copies(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.before-*"))


async def test_a_new_place_gets_a_database_and_the_default_roles(data_dir: Path) -> None:
    settings = load(data_dir=data_dir / "new")

    assert await migrate(settings) != []

    await connect(settings)
    await ping()
    assert set(await Role.all().values_list("name", flat=True)) == set(DEFAULT_ROLES)
    assert not _copies(data_dir / "new"), "there was nothing to copy"
    await disconnect()


async def test_migrating_a_filled_database_again_changes_nothing(settings: Settings, database_url: str) -> None:
    await connect(settings)
    await assemble(settings)
    before = (await User.all().count(), await Session.all().count())
    await disconnect()

    assert await migrate(settings) == []
    assert await migrate(settings) == []

    await connect(settings)
    assert (await User.all().count(), await Session.all().count()) == before
    assert not _copies(settings.data_dir)
    await disconnect()


async def test_one_process_migrates_databases_of_both_kinds(
    settings: Settings, database_url: str, data_dir: Path
) -> None:
    await migrate(load(data_dir=data_dir / "new"))
    await migrate(settings)

    await connect(settings)
    assert await Role.all().count() == len(DEFAULT_ROLES)
    await disconnect()


async def test_default_roles_are_written_anew_and_others_stay(settings: Settings, database_url: str) -> None:
    await migrate(settings)
    await connect(settings)
    await Role.filter(name="researcher").update(rules=["user:view:global"], description="Tampered.")
    await Role.create(name="own", rules=["user:view:own"])
    await disconnect()

    await migrate(settings)

    await connect(settings)
    researcher = await Role.get(name="researcher")
    assert set(researcher.rules) == {str(rule) for rule in DEFAULT_ROLES["researcher"][1]}
    assert (await Role.get(name="own")).rules == ["user:view:own"]
    await disconnect()


async def test_a_filled_sqlite_file_is_copied_before_it_is_changed(data_dir: Path) -> None:
    settings = load(data_dir=data_dir)
    names = await migrate(settings)
    await connect(settings)
    await assemble(settings)
    sessions = await Session.all().count()
    await disconnect()

    await migrate(settings, target=f"models.{names[-1]}")

    (copy,) = _copies(data_dir)
    await connect(settings)
    assert await Session.all().count() == sessions
    await disconnect()
    await connect(load(data_dir=data_dir / "elsewhere", database_url=f"sqlite://{copy}"))
    assert await Session.all().count() == sessions
    await disconnect()


async def test_every_table_matches_its_migrations(settings: Settings, database_url: str) -> None:
    await connect(settings)
    filled = await assemble(settings)

    for noun in (filled.workstation, filled.image, filled.session, filled.upload, filled.lab, filled.region):
        assert await type(noun).get(id=noun.pk)
    await disconnect()
