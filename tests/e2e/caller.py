"""A client of the public API and the proxy, like a user's script."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2
from websockets.asyncio.client import connect
from websockets.typing import Origin

from tests.e2e import documents
from tests.e2e.installation import Account, Installation

TERMINAL_STATES = {"STOPPED", "FAILED", "EXPIRED"}
CHUNK = 1 << 20
STATE_SECONDS = 120.0


@dataclass(frozen=True)
class Launched:
    """A session as returned by its launch."""

    id: str
    url: str

    @property
    def label(self) -> str:
        """The DNS label of the session."""
        return str(urlsplit(self.url).hostname).partition(".")[0]

    @property
    def origin(self) -> str:
        """The address of the session, without a path."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


class ApiClient:
    """A client with an API token."""

    def __init__(self, installation: Installation, person: Account) -> None:
        self.installation, self.person = installation, person
        self._headers = {"Authorization": f"Bearer {person.token}"}
        self._http = httpx2.AsyncClient(trust_env=False, timeout=30)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def reply(self, query: str, **variables: Any) -> httpx2.Response:
        """Return the unchanged response of the API."""
        return await self._http.post(
            self.installation.graphql, json={"query": query, "variables": variables}, headers=self._headers
        )

    async def ask(self, query: str, **variables: Any) -> Any:
        """Return the one field of the query; AssertionError contains the errors of the operation."""
        answer = (await self.reply(query, **variables)).json()
        assert "errors" not in answer, answer
        (field,) = answer["data"].values()
        return field

    async def follow(self, query: str, **variables: Any) -> AsyncIterator[Any]:
        """Yield the one field of a subscription, over server-sent events, until it completes."""
        headers = {**self._headers, "Accept": "text/event-stream"}
        body = {"query": query, "variables": variables}
        async with self._http.stream("POST", self.installation.graphql, json=body, headers=headers) as response:
            event = ""
            async for line in response.aiter_lines():
                if line.startswith("event:"):
                    event = line[6:].strip()
                elif line.startswith("data:") and event == "next":
                    answer = json.loads(line[5:])
                    assert "errors" not in answer, answer
                    (field,) = answer["data"].values()
                    yield field
                elif event == "complete":
                    return

    async def upload(self, file: Path | bytes) -> str:
        """Upload a file and return the id of the upload."""
        announced = await self.ask(documents.UPLOAD_CREATE, filename="workstation.tar.gz")
        stored = await self._http.put(announced["url"], content=_chunks(file))
        assert stored.status_code == 201, stored.text
        return str(announced["upload"]["id"])

    async def import_image(self, workstation: str, upload: str, **fields: Any) -> dict[str, Any]:
        """Import an upload as an image and return the finished import."""
        fields_with_defaults = {
            "workstationId": workstation,
            "uploadId": upload,
            "httpPort": 8080,
            "websocketPort": 4114,
            **fields,
        }
        created = await self.ask(documents.IMAGE_CREATE, input=fields_with_defaults)
        assert created["errors"] == [], created
        image: dict[str, Any] = dict(created["image"])
        async for update in self.follow(documents.IMAGE_UPDATED, id=image["id"]):
            image |= update
        return image

    async def workstation(self, title: str, **options: Any) -> str:
        """Create a workstation and return its id."""
        created = await self.ask(documents.WORKSTATION_CREATE, title=title, **options)
        assert created["errors"] == [], created
        return str(created["workstation"]["id"])

    async def request_session(self, workstation: str, **options: Any) -> Launched:
        """Launch a session and return it without waiting."""
        launched = await self.ask(documents.LAUNCH, workstation=workstation, input=options)
        assert launched["errors"] == [], launched
        return Launched(launched["session"]["id"], launched["session"]["workstationUrl"])

    async def launch(self, workstation: str, **options: Any) -> Launched:
        """Launch a session and wait until it runs."""
        session = await self.request_session(workstation, **options)
        await self.wait_for_state(session, "RUNNING")
        return session

    async def wait_for_state(self, session: Launched, state: str) -> dict[str, Any]:
        """Follow a session until it reaches the state, and return it."""
        seen: dict[str, Any] = {}
        async with asyncio.timeout(STATE_SECONDS):
            async for seen in self.follow(documents.SESSION_UPDATED, id=session.id):
                if seen["state"] == state:
                    return seen
        raise AssertionError(f"The session never was {state}; its last state was {seen}.")

    async def read(self, session: Launched) -> Any:
        """Return the current session; None if it is not visible."""
        return await self.ask(documents.SESSION, id=session.id)

    async def stop(self, session: Launched) -> dict[str, Any]:
        """Stop a session and wait for its end."""
        await self.ask(documents.STOP, id=session.id)
        return await self.wait_for_state(session, "STOPPED")

    async def visit(self, session: Launched, path: str = "/", **headers: str) -> httpx2.Response:
        """Request a path of the session's host, with the token."""
        return await self._http.get(
            f"http://127.0.0.1:{urlsplit(session.url).port}{path}",
            headers={"Host": urlsplit(session.url).netloc, **self._headers, **headers},
        )

    def socket(self, session: Launched) -> connect:
        """Open the session's websocket, with the token."""
        parts = urlsplit(session.url)
        return connect(
            f"ws://{parts.netloc}/mlab4d4c4142/echo",
            host="127.0.0.1",
            port=parts.port,
            origin=Origin(session.origin),
            additional_headers=self._headers,
            proxy=None,
        )


async def _chunks(file: Path | bytes) -> AsyncIterator[bytes]:
    content = file if isinstance(file, bytes) else await asyncio.to_thread(file.read_bytes)
    for at in range(0, len(content), CHUNK):
        yield content[at : at + CHUNK]
