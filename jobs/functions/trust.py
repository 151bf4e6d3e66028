"""Checks the signature of wake-ups over HTTP, for the ASGI and functions-framework adapters."""

from core.errors import Unauthenticated
from core.queue.functions.waker import SKEW_SECONDS, is_signed
from core.settings import Settings


def require_signature(settings: Settings, signature: str | None, body: bytes) -> None:
    """Raise Unauthenticated unless the body was signed with the function secret within SKEW_SECONDS of now."""
    secret = settings.function_secret.get_secret_value() if settings.function_secret else ""
    if not is_signed(secret, signature, body):
        raise Unauthenticated(
            "The signature is missing, wrong or too old; sign the body with CARREL_FUNCTION_SECRET, within"
            f" {SKEW_SECONDS // 60} minutes."
        )
