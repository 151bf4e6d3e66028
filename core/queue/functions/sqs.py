"""The transport of wake-ups over SQS, whose event source mapping calls the function; it needs the extra `aws`.

boto3 is imported at the first message, in the thread that sends it: functions that send none must not pay for it.
Lambda has boto3 in its runtime, so the archives of functions leave it out.
"""

import asyncio
import os
import threading
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from core.errors import BadInput, Unavailable

CONNECT_SECONDS = 1.4
MAX_ATTEMPTS = 2


class SqsWakeTransport:
    """Sends messages to one SQS queue, with the credentials that boto3 finds: environment, profile or role."""

    can_delay = True

    def __init__(self, queue_url: str) -> None:
        """Send to the SQS queue with this URL; BadInput when boto3 is not installed."""
        if find_spec("boto3") is None:
            raise BadInput("CARREL_FUNCTION_URLS has an SQS queue, which needs boto3; install carrel[aws].")
        self._queue_url = queue_url
        self._client: Any = None
        self._lock = threading.Lock()

    async def send(self, body: bytes, delay: int) -> None:
        """Send the message; Unavailable when SQS did not accept it."""
        await asyncio.to_thread(self._send_message, body.decode(), delay)

    def _send_message(self, text: str, delay: int) -> None:
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        try:
            client = self._open_client()
            client.send_message(QueueUrl=self._queue_url, MessageBody=text, DelaySeconds=delay)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            raise Unavailable(f"SQS responded with status {status}: {str(error)[:200]}") from error
        except NoCredentialsError as error:
            raise Unavailable(
                "There are no AWS credentials; set AWS_ACCESS_KEY_ID and its secret, or give the machine a role."
            ) from error
        except BotoCoreError as error:
            raise Unavailable(f"SQS cannot be reached: {type(error).__name__}.") from error

    def _open_client(self) -> Any:
        from boto3.session import Session
        from botocore.config import Config

        # A client may be shared by threads, but only one of them may create it.
        with self._lock:
            if self._client is None:
                parts = urlsplit(self._queue_url)
                retries = {"mode": "standard", "total_max_attempts": MAX_ATTEMPTS}
                self._client = Session().client(
                    "sqs",
                    region_name=_region(parts.hostname or ""),
                    endpoint_url=f"{parts.scheme}://{parts.netloc}",
                    config=Config(connect_timeout=CONNECT_SECONDS, read_timeout=CONNECT_SECONDS, retries=retries),
                )
            return self._client


def _region(host: str) -> str:
    parts = host.split(".")
    if parts[0] == "sqs" and len(parts) > 3:
        return parts[1]
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
