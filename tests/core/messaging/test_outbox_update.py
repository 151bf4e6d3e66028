"""An update commits with its history and messages, in or outside a transaction."""

import pytest

from core.database import connection as databases
from core.database.connection import transaction
from core.messaging import outbox
from core.messaging.outbox import OutboxMessage, update_with_outbox
from core.settings import Settings
from models.accounts.history import ActorKind, HistoryEntry
from models.accounts.roles import Resource
from models.accounts.users import User
from tests.core.recording_sender import RecordingSender


@pytest.fixture
async def ada(database: Settings) -> User:
    return await User.create(username="ada")


def expected_messages(ada: User) -> list[tuple[str, str]]:
    """Return the messages of a rename."""
    return [("event", f"user:{ada.id}"), ("job", "greet")]


async def _rename(ada: User, name: str, *, left: str = "ada") -> bool:
    entry = HistoryEntry(resource=Resource.USER, object_id=ada.id, action="rename", actor_kind=ActorKind.SERVICE)
    messages = [outbox.event(f"user:{ada.id}"), outbox.event(f"user:{ada.id}"), outbox.job("greet", ada.id, queue="q")]
    return await update_with_outbox(
        User, {"id": ada.id, "username": left}, {"username": name}, history=[entry], messages=messages
    )


async def _is_untouched(ada: User) -> bool:
    await ada.refresh_from_db()
    rows = await HistoryEntry.all().count() + await OutboxMessage.all().count()
    return ada.username == "ada" and rows == 0


async def test_update_records_history_and_sends_once(sender: RecordingSender, ada: User) -> None:
    assert await _rename(ada, "lovelace")

    assert sender.sent == expected_messages(ada)
    assert [entry.action for entry in await HistoryEntry.all()] == ["rename"]
    assert (await User.get(id=ada.id)).username == "lovelace"
    assert await OutboxMessage.all().count() == 0


async def test_unmatched_update_records_and_sends_nothing(sender: RecordingSender, ada: User) -> None:
    assert not await _rename(ada, "lovelace", left="grace")

    assert sender.sent == []
    assert await _is_untouched(ada)


async def test_unsent_message_waits_for_the_relay(sender: RecordingSender, ada: User) -> None:
    sender.closed = True
    assert await _rename(ada, "lovelace")

    assert {message.name for message in await OutboxMessage.all()} == {f"user:{ada.id}", "greet"}


async def test_outer_transaction_decides(sender: RecordingSender, ada: User) -> None:
    async def failing_transaction() -> None:
        async with transaction():
            assert await _rename(ada, "lovelace")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing_transaction()
    assert sender.sent == []
    assert await _is_untouched(ada)

    async with transaction():
        assert await _rename(ada, "lovelace")
        assert sender.sent == []
    assert sender.sent == expected_messages(ada)


async def test_commit_hook_runs_for_the_update(sender: RecordingSender, ada: User) -> None:
    async def refuse() -> None:
        raise ZeroDivisionError

    with databases.with_commit_hook(refuse), pytest.raises(ZeroDivisionError):
        await _rename(ada, "lovelace")

    assert sender.sent == []
    assert await _is_untouched(ada)
