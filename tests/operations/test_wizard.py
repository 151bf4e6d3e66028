"""The wizard descriptions equal those of the PhotonRanch Datalab, input by input."""

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
NEW_OPERATIONS = {"Calibration", "Cosmic Ray Rejection"}


@pytest.mark.parametrize("name", TABLE)
def test_datalab_operation_has_the_datalab_description(name: str) -> None:
    described = find(name).wizard_description()

    assert list(described) == ["name", "description", "category", "inputs"]
    assert (described["name"], described["category"]) == (name, "image")
    for field in described["inputs"].values():
        assert field.pop("name")
        assert field.pop("description").endswith(".")
    assert described["inputs"] == TABLE[name]
    assert list(described["inputs"]) == list(TABLE[name])


def test_no_other_operation_exists() -> None:
    assert set(available()) == set(TABLE) | NEW_OPERATIONS


@pytest.mark.parametrize("name", sorted(set(TABLE) | NEW_OPERATIONS))
def test_advanced_description_has_every_input(name: str) -> None:
    operation = find(name)

    assert list(operation.wizard_description(advanced=True)["inputs"]) == list(operation.inputs)
    assert all(declared.description.endswith(".") for declared in operation.inputs.values())
