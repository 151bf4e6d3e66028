"""The wizard descriptions are those of the prior system, input by input."""

from typing import Any

import pytest

from operations.framework.registry import available, find

FITS = {"type": "fits", "minimum": 1, "maximum": 999}
ONE_FILTER = {"single_filter": True, "filter_options": ["rp", "ip", "gp", "zs"]}
SOURCE = {"type": "source", "name_lookup": True, "required": True}
TABLE: dict[str, dict[str, dict[str, Any]]] = {
    "Median": {"input_files": FITS | {"minimum": 2}},
    "Normalization": {"input_files": FITS},
    "Stacking": {
        "input_files": FITS | {"minimum": 2},
        "stacking_mode": {"type": "select", "options": ["simple", "reproject"], "default": "simple"},
    },
    "Subtraction": {"input_files": FITS, "subtraction_file": FITS | {"maximum": 1}},
    "Color Image": {"color_channels": FITS | {"maximum": 6, "include_custom_scale": True, "color_picker": True}},
    "Light Curve": {"source": SOURCE, "input_files": FITS | ONE_FILTER},
    "Variable Star": {"source": SOURCE, "input_files": FITS | ONE_FILTER | {"minimum": 8}},
}
OURS = {"Calibration", "Cosmic Ray Rejection"}


@pytest.mark.parametrize("name", TABLE)
def test_an_operation_of_the_prior_system_is_described_as_there(name: str) -> None:
    described = find(name).wizard_description()

    assert list(described) == ["name", "description", "category", "inputs"]
    assert (described["name"], described["category"]) == (name, "image")
    for field in described["inputs"].values():
        assert field.pop("name")
        assert field.pop("description").endswith(".")
    assert described["inputs"] == TABLE[name]
    assert list(described["inputs"]) == list(TABLE[name])


def test_nothing_else_is_there() -> None:
    assert set(available()) == set(TABLE) | OURS


@pytest.mark.parametrize("name", sorted(set(TABLE) | OURS))
def test_on_request_every_input_is_described(name: str) -> None:
    operation = find(name)

    assert list(operation.wizard_description(advanced=True)["inputs"]) == list(operation.inputs)
    assert all(given.description.endswith(".") for given in operation.inputs.values())
