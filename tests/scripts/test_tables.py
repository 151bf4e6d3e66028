"""The migration check fills any database and detects lost data."""

import pytest
from tortoise.connection import get_connection

from core.settings import Settings
from scripts.check_migrations import LostError, compare, names
from scripts.tables import ROWS, Column, count_rows, fill, parents_first, read_indexes, read_tables


async def test_every_table_can_be_filled(database: Settings) -> None:
    client = get_connection("default")
    tables = {name: columns for name, columns in (await read_tables(client)).items() if name != "tortoise_migrations"}

    await fill(client, tables)

    assert tables
    counts = await count_rows(client, list(tables))
    assert {name: count for name, count in counts.items() if count < ROWS} == {}


async def test_index_columns_are_ordered(database: Settings) -> None:
    client = get_connection("default")
    await client.execute_script("CREATE TABLE pair (a integer, b integer); CREATE INDEX pair_b_a ON pair (b, a)")

    assert ("pair", "b,a", False) in await read_indexes(client)


def test_parents_come_before_children() -> None:
    child = Column(
        "child", "parent_id", "integer", required=True, primary_key=False, has_default=False, parent="parent"
    )

    assert parents_first({"child": [child], "parent": []}) == ["parent", "child"]


def test_cyclic_tables_are_refused() -> None:
    def column(table: str, parent: str) -> Column:
        return Column(table, "other", "integer", required=True, primary_key=False, has_default=False, parent=parent)

    with pytest.raises(ValueError, match="need one another"):
        parents_first({"egg": [column("egg", "hen")], "hen": [column("hen", "egg")]})


def test_a_missing_index_is_named() -> None:
    with pytest.raises(LostError, match=r"- index session\(state\)"):
        compare({"column session.id integer"}, {"column session.id integer", "index session(state)"}, "sqlite")


def test_migrations_are_run_in_their_order() -> None:
    assert names() == sorted(names())
    assert names()[0].startswith("0001")
