"""A local server of the AWS API: queues, buckets and stacks, in memory."""

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
        """Call the queue service."""
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AmazonSQS.{action}",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=A/20260101/{REGION}/sqs/aws4_request",
        }
        request = urllib.request.Request(self.url, json.dumps(asked).encode(), headers)  # noqa: S310 - our own
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            reply: dict[str, Any] = json.loads(answer.read() or b"{}")
        return reply

    def queue(self, name: str) -> str:
        """Create a queue and return its address."""
        return str(self.sqs("CreateQueue", QueueName=name)["QueueUrl"])

    def received(self, queue_url: str) -> list[dict[str, Any]]:
        """Receive and delete all available messages."""
        found = self.sqs("ReceiveMessage", QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            self.sqs("DeleteMessage", QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return list(found)

    def bucket(self, name: str) -> str:
        """Create a bucket and return the address of an object store in it."""
        request = urllib.request.Request(f"{self.url}/{name}", method="PUT")  # noqa: S310
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
        return f"s3://{name}?endpoint={self.url}&region=us-east-1"


@contextmanager
def aws_server() -> Iterator[Aws]:
    """Run the server until the context ends."""
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = next(filter(None, (re.search(r"Running on (http://\S+)", line) for line in process.stderr)))
        try:
            yield Aws(found[1])
        finally:
            process.kill()
