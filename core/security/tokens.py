"""Tokens: random secrets that are shown once, kept as digests, and looked up by a key that is no secret."""

from base64 import b32encode
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from secrets import token_bytes, token_urlsafe

PREFIX = "carrel"


@dataclass(frozen=True)
class Minted:
    """A new token: the text for its holder, the key and the digest for us."""

    text: str
    key: str
    digest: str


def mint(kind: str) -> Minted:
    """Make a token of 256 random bits, written `carrel_kind_key_secret`."""
    key, secret = random_label(10), token_urlsafe(32)
    return Minted(f"{PREFIX}_{kind}_{key}_{secret}", key, digest(secret))


def parse(text: str) -> tuple[str, str] | None:
    """Return key and secret of a token's text, or None when it has not the form of one."""
    parts = text.split("_", 3)
    if len(parts) != 4 or parts[0] != PREFIX or not all(parts) or len(text) > 200:
        return None
    if not (parts[2].isascii() and parts[2].isalnum()):
        return None
    return parts[2], parts[3]


def digest(secret: str) -> str:
    """Return what is stored: the secret has 256 random bits, so a plain hash cannot be reversed."""
    return sha256(secret.encode()).hexdigest()


def matches(secret: str, expected: str) -> bool:
    """Compare in constant time."""
    return compare_digest(digest(secret), expected)


def random_label(size: int = 16) -> str:
    """Return a DNS label of `size` random bytes (16 bytes are 128 bits), lower case, beginning with a letter."""
    return "s" + b32encode(token_bytes(size)).decode().rstrip("=").lower()
