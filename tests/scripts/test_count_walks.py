"""The counter of walks counts calls of the project's code only, and the page keeps what surrounds its table."""

import json
import os

import pytest

from core import bytesize, clock
from scripts.count_walks import BEFORE, BEGIN, END, WALKS, Counter, with_table

FIGURES = {name: (at, at * 10, at * 100) for at, name in enumerate(WALKS, 1)}


def test_counter_counts_files_functions_and_changes() -> None:
    with Counter() as counter:
        clock.now()
        clock.now()
        bytesize.format_bytes(1024)
        clock.now()

    assert counter.files == {"core/clock.py", "core/bytesize.py"}
    assert {code.co_name for code in counter.functions} >= {"now", "format_bytes"}
    assert counter.changes == 3


def test_code_of_others_is_not_counted() -> None:
    with Counter() as counter:
        json.dumps([])
        os.path.join("a", "b")  # noqa: PTH118 - a call of the standard library

    assert (counter.files, counter.functions, counter.changes) == (set(), set(), 0)


def test_counter_stops_at_the_end_of_its_block() -> None:
    with Counter() as counter:
        pass
    clock.now()

    assert counter.changes == 0


def test_table_replaces_the_one_between_the_markers() -> None:
    page = with_table(f"# Page\n\n{BEGIN}\nan old table\n{END}\n\nThe end.\n", FIGURES)

    assert page.startswith(f"# Page\n\n{BEGIN}\n")
    assert page.endswith(f"{END}\n\nThe end.\n")
    assert "an old table" not in page
    assert with_table(page, FIGURES) == page


@pytest.mark.parametrize("walk", WALKS)
def test_table_has_a_row_for_each_walk(walk: str) -> None:
    files, functions, changes = FIGURES[walk]
    before = " / ".join(map(str, BEFORE[walk]))

    row = f"| {WALKS[walk]} | {before} | {files} / {functions} / {changes} |"

    assert row in with_table(f"{BEGIN}{END}", FIGURES).splitlines()


def test_page_without_markers_stays_as_it_is() -> None:
    assert with_table("# Page\n", FIGURES) == "# Page\n"
