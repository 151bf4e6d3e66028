"""Row readers return only the rows that the caller can see."""

from collections.abc import AsyncIterator

import pytest
from tortoise import fields
from tortoise.contrib.test import tortoise_test_context
from tortoise.models import Model

from core.errors import NotFound
from models.permissions.principal import Principal, PrincipalKind
from resolvers.row_reader import RowReader
from tests.statements import counting


class Note(Model):
    """A row of a user."""

    id = fields.IntField(primary_key=True)
    user_id = fields.IntField()

    class Meta:
        table = "row_reader_note"


CALLER = Principal(PrincipalKind.USER, 1, frozenset())
READER = RowReader(lambda principal: Note.filter(user_id=principal.user_id))


@pytest.fixture(autouse=True)
async def rows() -> AsyncIterator[None]:
    async with tortoise_test_context([__name__]):
        await Note.bulk_create([Note(id=number, user_id=number % 2) for number in range(1, 7)])
        yield


async def test_hidden_rows_are_absent_and_one_statement_reads_all() -> None:
    with counting() as counter:
        found = await READER.read_many(CALLER, [1, 2, 3, 99])

    assert {key: row.id for key, row in found.items()} == {1: 1, 3: 3}
    assert len(counter.statements) == 1


async def test_visible_row_is_returned() -> None:
    assert (await READER.require_visible(CALLER, 5)).id == 5


@pytest.mark.parametrize("key", [2, 99])
async def test_hidden_and_missing_rows_are_not_found(key: int) -> None:
    with pytest.raises(NotFound, match="no such note"):
        await READER.require_visible(CALLER, key)
