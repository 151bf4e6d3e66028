"""Equal science has an equal key; anything that matters changes it."""

from typing import Any

import pytest

from operations.framework.keys import datalab_key, datalab_key_of, given_key, result_key
from operations.framework.runner import given_inputs
from operations.framework.validation import validate
from operations.median import Median
from tests.operations.frames import Bench, noise


def inputs(*names: str, **more: str) -> dict[str, Any]:
    return validate(Median, {"input_files": [{"source": "upload", "basename": name} for name in names], **more})


def key(canonical: dict[str, Any], **content: str) -> str:
    return result_key(Median, canonical, lambda item: content[item["basename"]])


def test_the_key_is_the_content_not_the_name() -> None:
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


def test_a_run_knows_the_same_key(bench: Bench) -> None:
    canonical = validate(Median, {"input_files": [bench.save(f"{n}.fits", noise((4, 4), n)) for n in range(3)]})

    given = given_inputs(Median, canonical, bench.frame)

    assert given_key(Median, given) == result_key(Median, canonical, lambda item: bench.frame(item).sha256)


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
def test_the_prior_systems_key_is_met(name: str, input_data: dict[str, Any], expected: str) -> None:
    assert datalab_key(name, input_data) == expected


def test_canonical_inputs_have_the_prior_systems_key_in_its_mode_alone() -> None:
    files = [{"source": "archive", "basename": name, "url": "https://x"} for name in ("b", "a")]
    canonical = validate(Median, {"input_files": files, "compatibility": "datalab"})

    assert datalab_key_of("Median", canonical) == "74d3091be746851849456e6e4fa4a2374a3b3a448adb9414cecfa87c7d9b1809", (
        "that of the client's own object"
    )
    assert datalab_key_of("Median", validate(Median, {"input_files": files})) is None
