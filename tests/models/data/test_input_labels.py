"""Labels of input files, and their substitution by names."""

import hashlib
from typing import Any

import pytest

from models.data.input_labels import labels, substitute_names, substitute_names_in_json

MOON, SUN = (hashlib.sha256(word).hexdigest() for word in (b"moon", b"sun"))
ONE, TWO = labels([MOON, SUN])
NAMES = {ONE: "moon.fits", TWO: "sun.fits"}


def test_label_has_number_and_start_of_hash() -> None:
    assert labels([MOON]) == [f"0001-{MOON[:12]}"]
    assert labels([]) == []


def test_equal_bytes_get_different_labels() -> None:
    twice = labels([MOON, MOON])

    assert twice == [f"0001-{MOON[:12]}", f"0002-{MOON[:12]}"]
    assert substitute_names(" ".join(twice), dict(zip(twice, ["a", "b"], strict=True))) == "a b"


@pytest.mark.parametrize("count", [9_999, 10_000, 123_456])
def test_many_labels_sort_in_order_of_the_inputs(count: int) -> None:
    many = labels([MOON] * count)
    names = {label: f"frame {number}" for number, label in enumerate(many)}

    assert sorted(many) == many
    assert len(set(many)) == count
    assert substitute_names(f"{many[0]}, {many[-1]}", names) == f"frame 0, frame {count - 1}"


@pytest.mark.parametrize(
    "name",
    [TWO, f"{TWO}.fits", r"\1 \g<0> \n", "a.*[b](c)|d$", "{0} %s %(x)s", "αβ \u202e.fits", "", "0001-000000000000"],
)
def test_special_characters_in_names_are_literal(name: str) -> None:
    names = {ONE: name, TWO: ONE}

    assert substitute_names(f"{ONE} and {TWO}.", names) == f"{name} and {ONE}."
    assert substitute_names_in_json({ONE: TWO}, {ONE: name, TWO: "b"}) == {name: "b"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{ONE}: {TWO}", "moon.fits: sun.fits"),
        (f"mag_{ONE}_err, ({TWO}),\n{TWO}mag", "mag_moon.fits_err, (sun.fits),\nsun.fitsmag"),
        (f"1{ONE}", f"1{ONE}"),
        (f"0001-{MOON}", f"0001-{MOON}"),
        (f"0002-{MOON[:12]}", f"0002-{MOON[:12]}"),
        (ONE[1:], ONE[1:]),
        (ONE.upper(), ONE.upper()),
        ("", ""),
    ],
)
def test_only_whole_known_labels_are_replaced(text: str, expected: str) -> None:
    assert substitute_names(text, NAMES) == expected


def test_without_names_nothing_is_replaced() -> None:
    table = {ONE: [TWO]}

    assert substitute_names(ONE, {}) == ONE
    assert substitute_names_in_json(table, {}) is table


def test_keys_and_values_of_tables_are_replaced() -> None:
    table: Any = {
        "excluded_images": [ONE],
        "reasons": {TWO: f"{TWO} is dark.", "n": 1},
        "deep": [[{"x": [ONE, 1.5, None, True]}]],
    }

    assert substitute_names_in_json(table, NAMES) == {
        "excluded_images": ["moon.fits"],
        "reasons": {"sun.fits": "sun.fits is dark.", "n": 1},
        "deep": [[{"x": ["moon.fits", 1.5, None, True]}]],
    }
    assert table["excluded_images"] == [ONE], "what is kept stays as it is"


def test_equal_names_lose_no_key() -> None:
    three = labels([MOON, MOON, SUN])
    names = dict.fromkeys(three, "a.fits")

    table = substitute_names_in_json({label: at for at, label in enumerate(three)}, names)

    assert table == {"a.fits": 0, f"a.fits ({three[1]})": 1, f"a.fits ({three[2]})": 2}
    assert list(
        substitute_names_in_json({"a.fits": 0, ONE: 1, TWO: 2}, {ONE: "a.fits", TWO: f"a.fits ({ONE})"}).values()
    ) == [
        0,
        1,
        2,
    ]
