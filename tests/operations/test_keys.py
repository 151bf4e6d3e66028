"""Runs with equal results have equal keys; any relevant change gives another key."""

from typing import Any

import pytest

from operations.framework.keys import datalab_key, datalab_key_for_inputs, result_key, run_key
from operations.framework.runner import build_run_inputs
from operations.framework.validation import validate
from operations.median import Median
from tests.operations.frames import OperationHarness, noise


def inputs(*names: str, **more: str) -> dict[str, Any]:
    return validate(Median, {"input_files": [{"source": "upload", "basename": name} for name in names], **more})


def key(canonical: dict[str, Any], **content: str) -> str:
    return result_key(Median, canonical, lambda item: content[item["basename"]])


def test_key_depends_on_content_not_names() -> None:
    assert key(inputs("a", "b"), a="1", b="2") == key(inputs("c", "d"), c="1", d="2")


@pytest.mark.parametrize("other", [{"a": "1", "b": "3"}, {"a": "2", "b": "1"}])
def test_other_content_or_order_is_another_key(other: dict[str, str]) -> None:
    assert key(inputs("a", "b"), a="1", b="2") != key(inputs("a", "b"), **other)


def test_another_parameter_or_version_is_another_key() -> None:
    later = type("Later", (Median,), {"version": Median.version + 1})
    content = {"a": "1", "b": "2"}.__getitem__
    keys = {
        key(inputs("a", "b"), a="1", b="2"),
        key(inputs("a", "b", compatibility="datalab"), a="1", b="2"),
        result_key(later, inputs("a", "b"), lambda item: content(item["basename"])),
    }

    assert len(keys) == 3


def test_run_has_the_same_key(harness: OperationHarness) -> None:
    canonical = validate(Median, {"input_files": [harness.save(f"{n}.fits", noise((4, 4), n)) for n in range(3)]})

    inputs = build_run_inputs(Median, canonical, harness.frame)

    assert run_key(Median, inputs) == result_key(Median, canonical, lambda item: harness.frame(item).sha256)


@pytest.mark.parametrize(
    ("name", "input_data", "expected"),
    [
        (
            "SampleDataOperation",
            {"input_files": [], "input_number": 1, "input_string": "test"},
            "9c8d4f7c82d357c95416c43560d0a1f66f1b2e3cb6a39c0c8a004ee162482ea7",
        ),
        (
            "Median",
            {"input_files": [{"basename": "a", "source": "archive"}, {"basename": "b", "source": "archive"}]},
            "74d3091be746851849456e6e4fa4a2374a3b3a448adb9414cecfa87c7d9b1809",
        ),
    ],
)
def test_datalab_key_is_reproduced(name: str, input_data: dict[str, Any], expected: str) -> None:
    assert datalab_key(name, input_data) == expected


def test_only_datalab_mode_has_the_datalab_key() -> None:
    files = [{"source": "archive", "basename": name, "url": "https://x"} for name in ("b", "a")]
    canonical = validate(Median, {"input_files": files, "compatibility": "datalab"})

    assert (
        datalab_key_for_inputs("Median", canonical)
        == "74d3091be746851849456e6e4fa4a2374a3b3a448adb9414cecfa87c7d9b1809"
    ), "that of the client's own object"
    assert datalab_key_for_inputs("Median", validate(Median, {"input_files": files})) is None
