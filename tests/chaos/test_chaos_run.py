"""Small storms: the large ones are `make chaos`."""

from dataclasses import replace
from pathlib import Path

from bench.chaos import chaos_run
from bench.chaos.faults import Storm
from tests.functions.fixtures import postgres_url

__all__ = ["postgres_url"]

SMALL = Storm(launches=20, capacity=6, workers=2, kills=3, freezes=1, seed=7, longest_seconds=90, settle_seconds=45)


async def test_every_session_ends_where_it_should_whatever_dies_meanwhile(database_url: str, data_dir: Path) -> None:
    report = await chaos_run.run(SMALL, data_dir, database_url)

    assert report.faults == [], report.figures


async def test_so_it_does_when_functions_do_the_work(postgres_url: str, data_dir: Path) -> None:
    report = await chaos_run.run(replace(SMALL, with_functions=True), data_dir, postgres_url)

    assert report.faults == [], report.figures
    assert report.figures["functions frozen beyond their lease"] == 1
