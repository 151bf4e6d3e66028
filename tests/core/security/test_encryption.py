"""Sealed secrets: they open with the installation's key, for their purpose, and not otherwise."""

import pytest

from core.errors import Unavailable
from core.security.encryption import Sealer, open_sealer
from core.settings import Settings


def test_what_is_sealed_opens_and_does_not_show() -> None:
    sealed = Sealer("key").seal("archive:1", "swordfish")

    assert "swordfish" not in sealed
    assert Sealer("key").opened("archive:1", sealed) == "swordfish"


@pytest.mark.parametrize(("key", "purpose"), [("other", "archive:1"), ("key", "archive:2")])
def test_another_key_or_another_owner_does_not_open_it(key: str, purpose: str) -> None:
    sealed = Sealer("key").seal("archive:1", "swordfish")

    with pytest.raises(Unavailable, match="give it again"):
        Sealer(key).opened(purpose, sealed)


def test_the_installation_keeps_its_key(settings: Settings) -> None:
    sealed = open_sealer(settings).seal("a", "b")

    assert open_sealer(settings).opened("a", sealed) == "b"
