"""Inputs are validated before anything is queued."""

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies

from core.errors import BadInput
from operations.framework.inputs import FilesInput, FloatInput, SelectInput
from operations.framework.registry import available, find
from operations.framework.validation import validate
from operations.median import Median

WORDS = strategies.sampled_from(["basename", "source", "color", "r", "g", "b", "zmin", "zmax", "ra", "dec", "filter"])
FILES = [{"source": "upload", "basename": name} for name in ("b.fits", "a.fits")]


class Clipping(Median):
    """An operation with an input that applies only with another input's value."""

    inputs = {
        "input_files": FilesInput(name="Input Files", description="Frames."),
        "combination": SelectInput(name="Combination", description="How.", options=("mean", "clipped"), default="mean"),
        "sigma": FloatInput(name="Sigma", description="Far.", default=3, only_when={"combination": ("clipped",)}),
    }


def test_defaults_are_filled_in_and_files_sorted() -> None:
    assert validate(Median, {"input_files": FILES}) == {
        "input_files": list(reversed(FILES)),
        "storage": "lossless",
        "compatibility": "off",
    }


def test_inapplicable_input_is_left_out() -> None:
    assert "sigma" not in validate(Clipping, {"input_files": FILES})
    assert validate(Clipping, {"input_files": FILES, "combination": "clipped"})["sigma"] == 3


@pytest.mark.parametrize(
    ("operation", "raw", "sentence", "path"),
    [
        (Median, [], "The inputs of Median must be an object with the keys input_files, storage, compatibility.", ()),
        (Median, {}, "Input Files is missing; give input_files.", ("input_files",)),
        (
            Median,
            {"input_files": FILES, "sigma": 3},
            "Median has no input sigma; it has input_files, storage, compatibility.",
            ("sigma",),
        ),
        (Median, {"input_files": FILES[:1]}, "Input Files needs at least 2 files, not 1.", ("input_files",)),
        (
            Clipping,
            {"input_files": FILES, "sigma": 2},
            "Sigma applies only when combination is clipped; leave sigma out.",
            ("sigma",),
        ),
    ],
)
def test_refusal_has_path_and_allowed_names(
    operation: type[Median], raw: Any, sentence: str, path: tuple[str, ...]
) -> None:
    with pytest.raises(BadInput) as refused:
        validate(operation, raw)

    assert (refused.value.message, refused.value.path) == (sentence, path)


@pytest.mark.parametrize("name", sorted(available()))
def test_canonical_inputs_are_their_own_canonical_form(name: str) -> None:
    files = [{"source": "s", "basename": f"{at}.fits", "filter": "rp", "url": "x"} for at in range(8)]
    raw: dict[str, Any] = {"input_files": files, "source": {"ra": 1, "dec": 2}, "bias_files": files}
    raw |= {"color_channels": files[:2], "subtraction_file": files[:1]}

    once = validate(find(name), {key: value for key, value in raw.items() if key in find(name).inputs})

    assert validate(find(name), once) == once
    assert json.loads(json.dumps(once)) == once


JSON = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text(max_size=9),
    lambda inner: strategies.lists(inner, max_size=9) | strategies.dictionaries(WORDS, inner, max_size=6),
    max_leaves=10,
)
FILE = strategies.dictionaries(WORDS, JSON, max_size=9).map(lambda item: {"basename": "a", **item})


@pytest.mark.parametrize("name", sorted(available()))
@settings(max_examples=150, deadline=None)
@given(data=strategies.data())
def test_arbitrary_input_is_canonical_or_refused(name: str, data: strategies.DataObject) -> None:
    keys = strategies.sampled_from([*find(name).inputs, "x"])
    raw = data.draw(strategies.dictionaries(keys, JSON | strategies.lists(FILE, max_size=3), max_size=6) | JSON)

    canonical, refusal = None, ""
    try:
        canonical = validate(find(name), raw)
    except BadInput as refused:
        refusal = refused.message

    assert refusal.endswith(".") or canonical
    assert json.dumps(canonical, allow_nan=False)
