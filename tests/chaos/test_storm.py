"""A small storm: the large one is `make chaos`."""

from pathlib import Path

from bench.chaos import storm
from bench.chaos.plan import Storm

SMALL = Storm(launches=20, capacity=6, workers=2, kills=3, freezes=1, seed=7, longest_seconds=90, settle_seconds=45)


async def test_every_session_ends_where_it_should_whatever_dies_meanwhile(database_url: str, data_dir: Path) -> None:
    report = await storm.run(SMALL, data_dir, database_url)

    assert report.faults == [], report.figures
