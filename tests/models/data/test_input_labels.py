"""Labels stand for names in what is shared, and names come back in one pass, whatever they look like."""

import hashlib
from typing import Any

import pytest

from models.data.input_labels import labels, named, named_table

MOON, SUN = (hashlib.sha256(word).hexdigest() for word in (b"moon", b"sun"))
ONE, TWO = labels([MOON, SUN])
NAMES = {ONE: "moon.fits", TWO: "sun.fits"}


def test_a_label_is_a_number_and_the_start_of_a_hash() -> None:
    assert labels([MOON]) == [f"0001-{MOON[:12]}"]
    assert labels([]) == []


def test_the_same_bytes_twice_are_two_labels_of_two_names() -> None:
    twice = labels([MOON, MOON])

    assert twice == [f"0001-{MOON[:12]}", f"0002-{MOON[:12]}"]
    assert named(" ".join(twice), dict(zip(twice, ["a", "b"], strict=True))) == "a b"


@pytest.mark.parametrize("count", [9_999, 10_000, 123_456])
def test_texts_of_many_labels_are_in_running_order_and_all_come_back(count: int) -> None:
    many = labels([MOON] * count)
    names = {label: f"frame {number}" for number, label in enumerate(many)}

    assert sorted(many) == many
    assert len(set(many)) == count
    assert named(f"{many[0]}, {many[-1]}", names) == f"frame 0, frame {count - 1}"


@pytest.mark.parametrize(
    "name",
    [TWO, f"{TWO}.fits", r"\1 \g<0> \n", "a.*[b](c)|d$", "{0} %s %(x)s", "αβ \u202e.fits", "", "0001-000000000000"],
)
def test_a_name_is_only_ever_a_name(name: str) -> None:
    names = {ONE: name, TWO: ONE}

    assert named(f"{ONE} and {TWO}.", names) == f"{name} and {ONE}."
    assert named_table({ONE: TWO}, {ONE: name, TWO: "b"}) == {name: "b"}


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
def test_whole_labels_of_ours_are_replaced_and_nothing_else(text: str, expected: str) -> None:
    assert named(text, NAMES) == expected


def test_without_names_everything_stays() -> None:
    table = {ONE: [TWO]}

    assert named(ONE, {}) == ONE
    assert named_table(table, {}) is table


def test_a_table_gets_names_in_its_keys_and_its_values() -> None:
    table: Any = {
        "excluded_images": [ONE],
        "reasons": {TWO: f"{TWO} is dark.", "n": 1},
        "deep": [[{"x": [ONE, 1.5, None, True]}]],
    }

    assert named_table(table, NAMES) == {
        "excluded_images": ["moon.fits"],
        "reasons": {"sun.fits": "sun.fits is dark.", "n": 1},
        "deep": [[{"x": ["moon.fits", 1.5, None, True]}]],
    }
    assert table["excluded_images"] == [ONE], "what is kept stays as it is"


def test_files_of_one_name_lose_no_key() -> None:
    three = labels([MOON, MOON, SUN])
    names = dict.fromkeys(three, "a.fits")

    table = named_table({label: at for at, label in enumerate(three)}, names)

    assert table == {"a.fits": 0, f"a.fits ({three[1]})": 1, f"a.fits ({three[2]})": 2}
    assert list(named_table({"a.fits": 0, ONE: 1, TWO: 2}, {ONE: "a.fits", TWO: f"a.fits ({ONE})"}).values()) == [
        0,
        1,
        2,
    ]
