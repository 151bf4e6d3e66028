"""The signature of an AWS request equals that of botocore."""

from datetime import UTC, datetime

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as TheirCredentials

from core.errors import Unavailable
from core.queue.functions.sigv4 import AwsCredentials, find_credentials, signed_headers

AT = datetime(2026, 11, 26, 7, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize("token", [None, "session-token/+="])
@pytest.mark.parametrize("url", ["https://sqs.eu-central-1.amazonaws.com/", "http://127.0.0.1:5000/a path/~x"])
def test_signature_equals_that_of_botocore(monkeypatch: pytest.MonkeyPatch, url: str, token: str | None) -> None:
    url = url.replace(" ", "%20") if token else url.replace(" ", "")
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessage"}
    request = AWSRequest("POST", url, headers=headers, data=b'{"a": 1}')
    request.context["timestamp"] = AT.strftime("%Y%m%dT%H%M%SZ")
    signer = botocore.auth.SigV4Auth(TheirCredentials("AKID", "SECRET", token), "sqs", "eu-central-1")
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_: AT.replace(tzinfo=None), raising=False)
    signer.add_auth(request)
    signed_at = datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    headers_signed = signed_headers(
        url,
        headers,
        b'{"a": 1}',
        service="sqs",
        region="eu-central-1",
        credentials=AwsCredentials("AKID", "SECRET", token),
        at=signed_at,
    )

    assert headers_signed["authorization"] == request.headers["Authorization"]


def test_environment_credentials_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRET")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "TOKEN")

    assert find_credentials() == AwsCredentials("AKID", "SECRET", "TOKEN")


def test_missing_credentials_error_names_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(Unavailable, match="set AWS_ACCESS_KEY_ID"):
        find_credentials()
