"""Encrypts stored user secrets, such as archive tokens, with a key derived from the installation's secret."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import Unavailable
from core.security.signing import installation_secret
from core.settings import Settings


class SecretBox:
    """Encrypts texts, each for one purpose; a text encrypted for another purpose cannot be decrypted."""

    def __init__(self, secret: str) -> None:
        """Derive keys from `secret`."""
        self._secret = secret.encode()

    def encrypt(self, purpose: str, text: str) -> str:
        """Return `text` encrypted for `purpose`, such as `archive:7`."""
        return self._fernet(purpose).encrypt(text.encode()).decode()

    def decrypt(self, purpose: str, encrypted: str) -> str:
        """Return the decrypted text; Unavailable when the installation's secret has changed."""
        try:
            return self._fernet(purpose).decrypt(encrypted.encode()).decode()
        except InvalidToken as error:
            raise Unavailable(
                "A stored secret cannot be decrypted, because the installation's key has changed; set the secret again."
            ) from error

    def _fernet(self, purpose: str) -> Fernet:
        # Existing ciphertexts depend on this label, so it stays as it is.
        derived = HKDF(SHA256(), 32, salt=None, info=f"carrel sealing\0{purpose}".encode()).derive(self._secret)
        return Fernet(urlsafe_b64encode(derived))


def open_secret_box(settings: Settings) -> SecretBox:
    """Return a box with the installation's secret, which signatures use as well."""
    return SecretBox(installation_secret(settings))
