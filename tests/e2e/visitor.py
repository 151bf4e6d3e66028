"""A user at a real browser: actions on the platform's page with its session cookie only."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from playwright.async_api import Browser, Page, expect

from tests.e2e.installation import Account, Installation

ASK = """async ([query, variables]) => {
  const answer = await fetch("/graphql", {
    method: "POST",
    headers: {"content-type": "application/json", "X-Carrel-CSRF": "1"},
    body: JSON.stringify({query, variables}),
  });
  return await answer.json();
}"""
# Frames of graphql-transport-ws, kept under a name; "complete" or a close ends the list.
FOLLOW = """async ([name, query, variables]) => {
  const seen = (window.seen ??= {})[name] = [];
  const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/graphql", "graphql-transport-ws");
  const begun = new Promise((resolve) => {
    socket.onmessage = ({data}) => {
      const frame = JSON.parse(data);
      if (frame.type === "connection_ack") {
        socket.send(JSON.stringify({id: "1", type: "subscribe", payload: {query, variables}}));
      } else if (frame.type !== "ping") {
        seen.push(frame);
        resolve();
      }
    };
  });
  socket.onclose = ({code}) => seen.push({type: "closed", code});
  socket.onopen = () => socket.send(JSON.stringify({type: "connection_init"}));
  await begun;
}"""
SEND_FILE = """async ([address]) => {
  const file = document.getElementById("file-for-a-test").files[0];
  return (await fetch(address, {method: "PUT", body: file})).status;
}"""
CHOOSE = """() => {
  const input = document.createElement("input");
  input.type = "file";
  input.id = "file-for-a-test";
  document.body.append(input);
}"""
TALK = """async ([text]) => {
  const socket = window.own = new WebSocket(location.origin.replace(/^http/, "ws") + "/mlab4d4c4142/echo");
  socket.onclose = ({code}) => { window.cut = {code, at: Date.now()}; };
  await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
  const answer = new Promise((resolve) => { socket.onmessage = ({data}) => resolve(data); });
  socket.send(text);
  return await answer;
}"""


@dataclass
class BrowserUser:
    """A user with one browser page for the platform and one for the session."""

    installation: Installation
    platform: Page
    session_page: Page

    @classmethod
    async def open(cls, browser: Browser, installation: Installation) -> Self:
        """Open a new browser without cookies."""
        context = await browser.new_context()
        return cls(installation, await context.new_page(), await context.new_page())

    async def sign_in(self, person: Account) -> None:
        """Submit the sign-in form, which leads to the query page."""
        await self.platform.goto(self.installation.settings.api_url)
        await fill_in(self.platform, person)
        await expect(self.platform.locator(".graphiql-container")).to_be_visible(timeout=15_000)

    async def sign_out(self) -> None:
        """Sign out by the button of the query page, in another page of the same browser."""
        page = await self.platform.context.new_page()
        await page.goto(self.installation.settings.api_url)
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        await page.close()

    async def answer(self, query: str, **variables: Any) -> Any:
        """Query the API from the platform's page and return the whole response."""
        return await self.platform.evaluate(ASK, [query, variables])

    async def ask(self, query: str, **variables: Any) -> Any:
        """Query the API from the platform's page and return the one field."""
        answer = await self.answer(query, **variables)
        assert "errors" not in answer, answer
        (field,) = answer["data"].values()
        return field

    async def follow(self, name: str, query: str, **variables: Any) -> None:
        """Subscribe over a websocket, record its frames under a name, and return after the first."""
        await self.platform.evaluate(FOLLOW, [name, query, variables])

    async def frames(self, name: str) -> list[dict[str, Any]]:
        """Return the received frames of a subscription."""
        frames: list[dict[str, Any]] = await self.platform.evaluate("(name) => window.seen[name]", name)
        return frames

    async def data(self, name: str) -> list[Any]:
        """Return the received values of a subscription's one field."""
        nexts = [frame["payload"] for frame in await self.frames(name) if frame["type"] == "next"]
        return [value for payload in nexts for value in payload["data"].values()]

    async def completed(self, name: str, seconds: float = 30) -> None:
        """Wait until a subscription has ended."""
        ended = "(name) => window.seen[name].some(({type}) => type !== 'next')"
        await self.platform.wait_for_function(ended, arg=name, timeout=seconds * 1000)

    async def send_file(self, file: Path, address: str) -> None:
        """Choose a file and upload it."""
        await self.platform.evaluate(CHOOSE)
        await self.platform.set_input_files("#file-for-a-test", file)
        assert await self.platform.evaluate(SEND_FILE, [address]) == 201

    async def talk(self, text: str) -> str:
        """Open a websocket of the session from its page, send a message, and return the response."""
        answer: str = await self.session_page.evaluate(TALK, [text])
        return answer

    async def close_code(self, seconds: float) -> int:
        """Wait until the server closes that websocket, and return the close code."""
        closed = await self.session_page.wait_for_function("window.cut", timeout=seconds * 1000)
        return int((await closed.json_value())["code"])


async def fill_in(page: Page, person: Account) -> None:
    """Sign in with the form on the page."""
    await page.get_by_label("User name").fill(person.name)
    await page.get_by_label("Password").fill(person.password)
    await page.get_by_role("button", name="Sign in").click()
