"""A change holds together with its history and its news, whoever makes it and within whatever."""

import pytest

from core.database import connection as databases
from core.database.compare_and_set import change
from core.database.connection import transaction
from core.messaging import outbox
from core.messaging.outbox import OutboxMessage
from core.settings import Settings
from models.accounts.history import ActorKind, HistoryEntry
from models.accounts.roles import Resource
from models.accounts.users import User
from tests.core.recording_sender import Post


@pytest.fixture
async def ada(database: Settings) -> User:
    return await User.create(username="ada")


def told(ada: User) -> list[tuple[str, str]]:
    """Return what a renaming is to be told as."""
    return [("event", f"user:{ada.id}"), ("job", "greet")]


async def _rename(ada: User, name: str, *, left: str = "ada") -> bool:
    entry = HistoryEntry(resource=Resource.USER, object_id=ada.id, action="rename", actor_kind=ActorKind.SERVICE)
    news = [outbox.event(f"user:{ada.id}"), outbox.event(f"user:{ada.id}"), outbox.job("greet", ada.id, queue="q")]
    return await change(User, {"id": ada.id, "username": left}, {"username": name}, entries=[entry], news=news)


async def _is_untouched(ada: User) -> bool:
    await ada.refresh_from_db()
    told = await HistoryEntry.all().count() + await OutboxMessage.all().count()
    return ada.username == "ada" and told == 0


async def test_it_is_told_once_and_recorded(post: Post, ada: User) -> None:
    assert await _rename(ada, "lovelace")

    assert post.sent == told(ada)
    assert [entry.action for entry in await HistoryEntry.all()] == ["rename"]
    assert (await User.get(id=ada.id)).username == "lovelace"
    assert await OutboxMessage.all().count() == 0


async def test_what_does_not_match_is_neither_told_nor_recorded(post: Post, ada: User) -> None:
    assert not await _rename(ada, "lovelace", left="grace")

    assert post.sent == []
    assert await _is_untouched(ada)


async def test_what_cannot_leave_waits_for_the_relay(post: Post, ada: User) -> None:
    post.closed = True
    assert await _rename(ada, "lovelace")

    assert {message.name for message in await OutboxMessage.all()} == {f"user:{ada.id}", "greet"}


async def test_a_transaction_around_it_decides(post: Post, ada: User) -> None:
    async def in_vain() -> None:
        async with transaction():
            assert await _rename(ada, "lovelace")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await in_vain()
    assert post.sent == []
    assert await _is_untouched(ada)

    async with transaction():
        assert await _rename(ada, "lovelace")
        assert post.sent == []
    assert post.sent == told(ada)


async def test_who_joins_what_is_written_joins_it_too(post: Post, ada: User) -> None:
    async def refuse() -> None:
        raise ZeroDivisionError

    with databases.joining(refuse), pytest.raises(ZeroDivisionError):
        await _rename(ada, "lovelace")

    assert post.sent == []
    assert await _is_untouched(ada)
