"""Each kind of input accepts valid values and refuses all others with a sentence."""

from typing import Any

import pytest

from core.errors import BadInput
from operations.framework.inputs import (
    FilesInput,
    FloatInput,
    Input,
    IntInput,
    SelectInput,
    SourceInput,
    StringInput,
    TargetPositionsInput,
)

FLOAT = FloatInput(name="Radius", description="How far.", default=7.64, minimum=0, maximum=60, unit="arcsec")
INT = IntInput(name="Rounds", description="How often.", minimum=1, maximum=9)
SELECT = SelectInput(name="Mode", description="How.", options=("simple", "reproject"), default="simple")
SOURCE = SourceInput(name="Source", description="Where.")
FILES = FilesInput(name="Files", description="What.", single_filter=True, filter_options=("rp", "gp"))
TEXT = StringInput(name="Title", description="Called.", max_length=5)
POSITIONS = TargetPositionsInput(name="Positions", description="Seen.", minimum=1, timed=True)
COLOURS = FilesInput(name="Channels", description="What.", color_picker=True, include_custom_scale=True, maximum=2)


@pytest.mark.parametrize(
    ("declared", "value", "canonical"),
    [
        (FLOAT, "12.5", 12.5),
        (FLOAT, 3, 3.0),
        (INT, 4.0, 4),
        (SELECT, "reproject", "reproject"),
        (TEXT, " abc ", "abc"),
        (SOURCE, {"ra": "10", "dec": -5, "name": "M 13"}, {"ra": 10.0, "dec": -5.0}),
        (
            POSITIONS,
            [{"ra": 1, "dec": 2, "mjd": 60001}, {"ra": 1, "dec": 2, "mjd": 60000, "name": "x"}],
            [{"ra": 1.0, "dec": 2.0, "mjd": 60000.0}, {"ra": 1.0, "dec": 2.0, "mjd": 60001.0}],
        ),
    ],
)
def test_a_value_becomes_canonical(declared: Input, value: Any, canonical: Any) -> None:
    assert declared.check(value, ("x",)) == canonical


@pytest.mark.parametrize(
    ("declared", "value", "sentence"),
    [
        (FLOAT, "far", "Radius must be a number, not 'far'."),
        (FLOAT, float("nan"), "Radius must be a number, not nan."),
        (FLOAT, True, "Radius must be a number, not True."),
        (FLOAT, 61, "Radius must be from 0 to 60 arcsec, not 61."),
        (INT, 1.5, "Rounds must be a whole number, not 1.5."),
        (SELECT, "best", "Mode must be one of simple, reproject, not 'best'."),
        (TEXT, "abcdef", "Title must have at most 5 characters, not 6."),
        (SOURCE, {"ra": 10}, "Source must be an object with ra and dec in degrees."),
        (SOURCE, {"ra": 361, "dec": 0}, "Source: ra must be from 0 to 360 degrees, not 361."),
        (POSITIONS, [{"ra": 1, "dec": 2}], "Positions: each position must have its time, mjd."),
        (FILES, "a.fits", "Files must be a list of files."),
        (FILES, [], "Files needs at least 1 files, not 0."),
        (FILES, [{"source": "archive"}], "Files: each file must be an object with source and basename."),
        (COLOURS, [{"basename": n} for n in "abc"], "Channels takes at most 2 files, not 3."),
        (
            COLOURS,
            [{"basename": "a", "color": {"r": 1, "g": 2, "b": 256}}],
            "Channels: b must be a whole number from 0 to 255.",
        ),
        (COLOURS, [{"basename": "a", "color": {"x": 1}}], "Channels: a colour must be an object with r, g and b."),
        (COLOURS, [{"basename": "a", "color": "red"}], "Channels: a colour must be an object with r, g and b."),
        (
            COLOURS,
            [{"basename": "a", "zmin": 10**5000}],
            "Channels: zmin must be a number, not a number of hundreds of digits.",
        ),
        (COLOURS, [{"basename": "a", "zmin": 2, "zmax": 1}], "Channels: a has zmin above zmax; swap them."),
        (FILES, [{"basename": "a"}, {"basename": "a"}], "Files: a is listed twice; list it once."),
        (FILES, [{"basename": "a", "filter": "zs"}], "Files: a has filter zs; allowed are rp, gp."),
        (
            FILES,
            [{"basename": "a", "filter": "rp"}, {"basename": "b", "primary_optical_element": "gp"}],
            "Files: all files must have one filter; these have gp, rp.",
        ),
    ],
)
def test_invalid_value_is_refused_with_a_sentence(declared: Input, value: Any, sentence: str) -> None:
    with pytest.raises(BadInput) as refused:
        declared.check(value, ("x",))

    assert refused.value.message == sentence
    assert refused.value.path[0] == "x"


def test_files_are_sorted_without_interface_keys() -> None:
    items = [
        {"source": "archive", "basename": "b", "primary_optical_element": "rp", "url": "https://x", "type": "fitsfile"},
        {"source": "archive", "basename": "a", "filter": "rp", "zmin": 1},
    ]

    assert FILES.check(items, ()) == [
        {"source": "archive", "basename": "a", "filter": "rp"},
        {"source": "archive", "basename": "b", "filter": "rp"},
    ]


def test_a_channel_keeps_its_colour_and_limits() -> None:
    item = {
        "source": "s",
        "basename": "a",
        "color": {"r": 255, "g": 0.0, "b": 0, "name": "red"},
        "zmin": "1",
        "zmax": 2,
    }

    assert COLOURS.check([item], ()) == [
        {"source": "s", "basename": "a", "color": {"r": 255, "g": 0, "b": 0}, "zmin": 1.0, "zmax": 2.0}
    ]


def test_field_contains_range_unit_and_default() -> None:
    assert FLOAT.wizard_field() == {
        "name": "Radius",
        "description": "How far.",
        "type": "float",
        "minimum": 0,
        "maximum": 60,
        "default": 7.64,
        "unit": "arcsec",
    }
