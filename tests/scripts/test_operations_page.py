"""The page of operations is generated from the code."""

from typing import Any

from operations.framework.inputs import FloatInput, IntInput, StringInput, TargetPositionsInput
from operations.framework.registry import builtin_operations
from scripts.operations_page import PAGE, allowed, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page()


def test_every_operation_and_input_is_on_it() -> None:
    text = page()

    for operation in builtin_operations():
        assert f"## {operation.name}\n" in text
        for key, given in operation.inputs.items():
            assert f"| `{key}`{'*' if given.advanced else ''} | {given.kind} |" in text


def test_allowed_values_are_described_briefly() -> None:
    about: dict[str, Any] = {"name": "X", "description": "Y."}

    assert allowed(FloatInput(**about, minimum=0, maximum=60, unit="arcsec")) == "0 to 60 arcsec"
    assert allowed(IntInput(**about, minimum=1)) == "1 to any"
    assert allowed(StringInput(**about)) == "at most 200 characters"
    assert allowed(TargetPositionsInput(**about, timed=True)) == "1 to 1000 of ra, dec, mjd"
