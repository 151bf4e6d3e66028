"""Opaque names of rows, for all that leaves the API or comes in: one codec, and no secret hangs on it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64


def encode(kind: str, pk: int) -> str:
    """Return the opaque name of the row of `kind` with the primary key `pk`."""
    return urlsafe_b64encode(f"{kind}:{pk}".encode()).rstrip(b"=").decode()


def decode(text: str) -> tuple[str, int] | None:
    """Return kind and primary key of a name that `encode` made; None for any other text."""
    try:
        kind, _, number = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(":")
        pk = int(number)
    except (NotBase64, ValueError):
        return None
    return (kind, pk) if pk > 0 and encode(kind, pk) == text else None


def key_of(kind: str, text: str) -> int | None:
    """Return the primary key in the name of a `kind`, if it is one that a column of integers can hold."""
    found = decode(text)
    return found[1] if found and found[0] == kind and found[1] < 2**31 else None
