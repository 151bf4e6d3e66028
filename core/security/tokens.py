"""Random tokens: shown once, stored as digests, looked up by a public key part; used for API and session tokens."""

from base64 import b32encode
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from secrets import token_bytes, token_urlsafe

PREFIX = "carrel"


@dataclass(frozen=True)
class Minted:
    """A new token: `text` for its owner, `key` and `digest` to store."""

    text: str
    key: str
    digest: str


def mint(kind: str) -> Minted:
    """Return a new token of 256 random bits, written `carrel_KIND_KEY_SECRET`."""
    key, secret = random_label(10), token_urlsafe(32)
    return Minted(f"{PREFIX}_{kind}_{key}_{secret}", key, digest(secret))


def parse(text: str) -> tuple[str, str] | None:
    """Return the key and secret of a token's text, or None when the text is not a token."""
    parts = text.split("_", 3)
    if len(parts) != 4 or parts[0] != PREFIX or not all(parts) or len(text) > 200:
        return None
    if not (parts[2].isascii() and parts[2].isalnum()):
        return None
    return parts[2], parts[3]


def digest(secret: str) -> str:
    """Return the digest to store; a plain hash is safe because the secret has 256 random bits."""
    return sha256(secret.encode()).hexdigest()


def matches(secret: str, expected: str) -> bool:
    """Return whether the secret has the digest; compared in constant time."""
    return compare_digest(digest(secret), expected)


def random_label(size: int = 16) -> str:
    """Return a lower-case DNS label of `size` random bytes that begins with a letter."""
    # A DNS label may not begin with a digit, and base32 may.
    return "s" + b32encode(token_bytes(size)).decode().rstrip("=").lower()
