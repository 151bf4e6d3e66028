"""A server that speaks for AWS on this machine: queues, buckets, stacks; it keeps nothing."""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

REGION = "eu-central-1"
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}


@dataclass(frozen=True)
class Aws:
    """A running server."""

    url: str

    def sqs(self, action: str, **asked: Any) -> dict[str, Any]:
        """Ask the queue service."""
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AmazonSQS.{action}",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=A/20260101/{REGION}/sqs/aws4_request",
        }
        request = urllib.request.Request(self.url, json.dumps(asked).encode(), headers)  # noqa: S310 - our own
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            told: dict[str, Any] = json.loads(answer.read() or b"{}")
        return told

    def queue(self, name: str) -> str:
        """Make a queue, and return the address by which it is known here."""
        return str(self.sqs("CreateQueue", QueueName=name)["QueueUrl"])

    def received(self, queue_url: str) -> list[dict[str, Any]]:
        """Return the messages that can be received now, and delete them."""
        found = self.sqs("ReceiveMessage", QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            self.sqs("DeleteMessage", QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return list(found)

    def bucket(self, name: str) -> str:
        """Make a bucket, and return the address of a storage in it."""
        request = urllib.request.Request(f"{self.url}/{name}", method="PUT")  # noqa: S310
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
        return f"s3://{name}?endpoint={self.url}&region=us-east-1"


@contextmanager
def aws_server() -> Iterator[Aws]:
    """Run the server for the duration."""
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = next(filter(None, (re.search(r"Running on (http://\S+)", line) for line in process.stderr)))
        try:
            yield Aws(found[1])
        finally:
            process.kill()
