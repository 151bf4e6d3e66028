"""Opaque global ids of rows, used by the API. They are not secret: anyone can decode them."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64


def encode(kind: str, pk: int) -> str:
    """Return the global id of the row of `kind` with the primary key `pk`."""
    return urlsafe_b64encode(f"{kind}:{pk}".encode()).rstrip(b"=").decode()


def decode(text: str) -> tuple[str, int] | None:
    """Return the kind and primary key of an id made by `encode`; None for any other text."""
    try:
        kind, _, number = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(":")
        pk = int(number)
    except (NotBase64, ValueError):
        return None
    # Encoded again, so that each row has exactly one valid id.
    return (kind, pk) if pk > 0 and encode(kind, pk) == text else None


def key_of(kind: str, text: str) -> int | None:
    """Return the primary key in an id of `kind`, or None; it fits an integer column."""
    found = decode(text)
    return found[1] if found and found[0] == kind and found[1] < 2**31 else None
