"""Our signature of a request to AWS is the one that AWS's own library makes."""

from datetime import UTC, datetime

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as TheirCredentials

from core.errors import Unavailable
from core.queue.functions.sigv4 import Credentials, credentials, signed_headers

AT = datetime(2026, 11, 26, 7, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize("token", [None, "session-token/+="])
@pytest.mark.parametrize("url", ["https://sqs.eu-central-1.amazonaws.com/", "http://127.0.0.1:5000/a path/~x"])
def test_it_is_equal_to_that_of_botocore(monkeypatch: pytest.MonkeyPatch, url: str, token: str | None) -> None:
    url = url.replace(" ", "%20") if token else url.replace(" ", "")
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessage"}
    request = AWSRequest("POST", url, headers=headers, data=b'{"a": 1}')
    request.context["timestamp"] = AT.strftime("%Y%m%dT%H%M%SZ")
    signer = botocore.auth.SigV4Auth(TheirCredentials("AKID", "SECRET", token), "sqs", "eu-central-1")
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_: AT.replace(tzinfo=None), raising=False)
    signer.add_auth(request)
    moment = datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    ours = signed_headers(
        url,
        headers,
        b'{"a": 1}',
        service="sqs",
        region="eu-central-1",
        by=Credentials("AKID", "SECRET", token),
        at=moment,
    )

    assert ours["authorization"] == request.headers["Authorization"]


def test_credentials_of_the_environment_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRET")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "TOKEN")

    assert credentials() == Credentials("AKID", "SECRET", "TOKEN")


def test_without_any_the_refusal_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(Unavailable, match="set AWS_ACCESS_KEY_ID"):
        credentials()
