"""AWS Signature Version 4 for a POST request with a body; the SQS transport uses it instead of boto3."""

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
class AwsCredentials:
    """An AWS key pair; a `token` belongs to temporary keys."""

    key: str
    secret: str
    token: str | None = None


def find_credentials() -> AwsCredentials:
    """Return the credentials of the environment, as on Lambda, else those that botocore finds. It may block."""
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return AwsCredentials(key, secret, os.environ.get("AWS_SESSION_TOKEN"))
    found = _session().get_credentials() if find_spec("botocore") else None
    if found is None:
        raise Unavailable("There are no AWS credentials; set AWS_ACCESS_KEY_ID and its secret, or install boto3.")
    frozen = found.get_frozen_credentials()
    return AwsCredentials(frozen.access_key, frozen.secret_key, frozen.token)


@cache
def _session() -> Any:
    import botocore.session

    return botocore.session.get_session()


def signed_headers(
    url: str,
    headers: dict[str, str],
    body: bytes,
    *,
    service: str,
    region: str,
    credentials: AwsCredentials,
    at: datetime,
) -> dict[str, str]:
    """Return the headers of a POST to `url` together with its signature; `at` is in UTC."""
    parts = urlsplit(url)
    timestamp = at.strftime("%Y%m%dT%H%M%SZ")
    covered = {name.lower(): value for name, value in headers.items()} | {"host": parts.netloc, "x-amz-date": timestamp}
    if credentials.token:
        covered["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(covered))
    lines = "".join(f"{name}:{covered[name].strip()}\n" for name in sorted(covered))
    path = quote(parts.path or "/", safe="/~")
    request = "\n".join(["POST", path, parts.query, lines, names, sha256(body).hexdigest()])
    scope = f"{timestamp[:8]}/{region}/{service}/aws4_request"
    text = "\n".join([ALGORITHM, timestamp, scope, sha256(request.encode()).hexdigest()])
    signature = hmac.new(_key(credentials.secret, timestamp[:8], region, service), text.encode(), sha256).hexdigest()
    covered["authorization"] = (
        f"{ALGORITHM} Credential={credentials.key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return covered


def _key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), sha256).digest()
    return key
