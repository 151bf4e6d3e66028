"""Sign a request to AWS: Signature Version 4, as its documentation describes it, for a POST with a body."""

import hmac
import os
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from typing import Any
from urllib.parse import quote, urlsplit

from core.errors import Unavailable

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    """Who signs; a `token` belongs to keys that expire."""

    key: str
    secret: str
    token: str | None = None


def credentials() -> Credentials:
    """Return those of the environment, which every function has; else those that botocore finds. It may block."""
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return Credentials(key, secret, os.environ.get("AWS_SESSION_TOKEN"))
    found = _session().get_credentials() if find_spec("botocore") else None
    if found is None:
        raise Unavailable("There are no AWS credentials; set AWS_ACCESS_KEY_ID and its secret, or install boto3.")
    frozen = found.get_frozen_credentials()
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)


@cache
def _session() -> Any:
    import botocore.session

    return botocore.session.get_session()


def signed_headers(
    url: str, headers: dict[str, str], body: bytes, *, service: str, region: str, by: Credentials, at: datetime
) -> dict[str, str]:
    """Return the headers of a POST to `url` together with those that sign it; `at` is in UTC."""
    parts = urlsplit(url)
    moment = at.strftime("%Y%m%dT%H%M%SZ")
    covered = {name.lower(): value for name, value in headers.items()} | {"host": parts.netloc, "x-amz-date": moment}
    if by.token:
        covered["x-amz-security-token"] = by.token
    names = ";".join(sorted(covered))
    lines = "".join(f"{name}:{covered[name].strip()}\n" for name in sorted(covered))
    path = quote(parts.path or "/", safe="/~")
    request = "\n".join(["POST", path, parts.query, lines, names, sha256(body).hexdigest()])
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = "\n".join([ALGORITHM, moment, scope, sha256(request.encode()).hexdigest()])
    signature = hmac.new(_key(by.secret, moment[:8], region, service), text.encode(), sha256).hexdigest()
    covered["authorization"] = f"{ALGORITHM} Credential={by.key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return covered


def _key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), sha256).digest()
    return key
