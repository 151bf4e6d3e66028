"""Fixtures of the operations' tests."""

from pathlib import Path

import pytest

from tests.operations.frames import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A folder of frames to run operations on."""
    return Bench(tmp_path)
