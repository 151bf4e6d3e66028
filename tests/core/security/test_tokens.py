"""Tokens have one form, and the stored digest grants nothing."""

import re

import pytest

from core.security import tokens

LABEL = re.compile(r"s[a-z2-7]+")


def test_token_contains_its_kind_and_key() -> None:
    minted = tokens.mint("api")

    assert minted.text.startswith("carrel_api_")
    parsed = tokens.parse(minted.text)
    assert parsed is not None
    key, secret = parsed
    assert key == minted.key
    assert tokens.matches(secret, minted.digest)


def test_digest_does_not_contain_the_secret() -> None:
    minted = tokens.mint("api")

    _, secret = tokens.parse(minted.text) or ("", "")
    assert len(secret) >= 43
    assert secret not in minted.digest + minted.key
    assert not tokens.matches(minted.digest, minted.digest)


def test_secret_with_underscore_parses() -> None:
    assert tokens.parse("carrel_api_key_a_b_c") == ("key", "a_b_c")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "carrel",
        "carrel_api_key",
        "carrel_api__secret",
        "carrel_api_key_",
        "other_api_key_secret",
        "_____",
        "carrel_api_key_" + "x" * 200,
        "Carrel_api_key_secret",
        "Bearer carrel_api_key_secret",
    ],
)
def test_other_texts_are_not_tokens(text: str) -> None:
    assert tokens.parse(text) is None


@pytest.mark.parametrize("place", [0, 20, -1])
def test_any_wrong_character_is_refused(place: int) -> None:
    minted = tokens.mint("api")
    _, secret = tokens.parse(minted.text) or ("", "")
    letters = list(secret)
    letters[place] = "A" if letters[place] != "A" else "B"

    assert not tokens.matches("".join(letters), minted.digest)


def test_tokens_and_labels_are_unique() -> None:
    made = [tokens.mint("api") for _ in range(200)]

    assert len({each.text for each in made}) == len({each.key for each in made}) == 200
    assert len({tokens.random_label() for _ in range(200)}) == 200


def test_label_is_a_dns_label_of_128_bits() -> None:
    label = tokens.random_label()

    assert LABEL.fullmatch(label)
    assert 27 <= len(label) <= 63
