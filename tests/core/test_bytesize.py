"""Byte sizes are formatted with binary units."""

import pytest

from core.bytesize import format_bytes


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (4 << 20, "4 MiB"),
        (16 << 30, "16 GiB"),
    ],
)
def test_the_largest_fitting_unit_is_used(count: int, words: str) -> None:
    assert format_bytes(count) == words
