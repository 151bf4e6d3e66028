"""An unmodified JupyterLab works as a workstation."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import docker
import pytest
from playwright.async_api import Browser, Page, expect

from tests.docker_service import CACHE
from tests.e2e import documents
from tests.e2e.caller import ApiClient
from tests.e2e.installation import Installation
from tests.e2e.visitor import BrowserUser
from tests.jobs.data.job_env import frame

SCRIPT = Path(__file__).parents[2] / "examples" / "build_image.py"
BUILD_SECONDS = 600
# What JupyterLab's own page does: make a kernel, connect to its websocket, send code, gather what it prints.
RUN = """async ([code]) => {
  const made = await fetch("/api/kernels", {
    method: "POST",
    headers: {"X-XSRFToken": document.cookie.match(/_xsrf=([^;]+)/)?.[1] ?? ""},
  });
  const {id} = await made.json();
  const session = crypto.randomUUID();
  const channels = `${location.origin.replace(/^http/, "ws")}/api/kernels/${id}/channels`;
  const socket = new WebSocket(`${channels}?session_id=${session}`);
  await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
  const request = crypto.randomUUID();
  socket.send(JSON.stringify({
    header: {
      msg_id: request, msg_type: "execute_request", username: "", session, version: "5.3",
      date: new Date().toISOString(),
    },
    parent_header: {}, metadata: {}, channel: "shell", buffers: [],
    content: {code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false, stop_on_error: true},
  }));
  let printed = "";
  return await new Promise((resolve) => {
    socket.onmessage = ({data}) => {
      const {parent_header, header, content} = JSON.parse(data);
      if (parent_header.msg_id !== request) return;
      if (header.msg_type === "stream") printed += content.text;
      if (header.msg_type === "error") printed += content.evalue;
      if (header.msg_type === "status" && content.execution_state === "idle") resolve(printed);
    };
  });
}"""
"""A cell that asks Carrel's API, from the kernel."""
ASK = f"""
import json, os, urllib.request
request = urllib.request.Request(
    os.environ["CARREL_API_URL"],
    json.dumps({{"query": "{documents.VIEWER}"}}).encode(),
    {{"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["CARREL_TOKEN"]}},
)
print(json.load(urllib.request.urlopen(request, timeout=5))["data"]["viewer"]["username"])
"""

"""A cell that lists the data session of its session, and reads the first file of the first result."""
LIST = f"""
import json, os, urllib.request
def ask(url, **body):
    headers = {{"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["CARREL_TOKEN"]}}
    data = json.dumps(body).encode() if body else None
    return urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10).read()
found = json.loads(ask(os.environ["CARREL_API_URL"], query='''{documents.DATASESSIONS}'''))["data"]
(session,) = found["datasessions"]["nodes"]
assert session["id"] == os.environ["CARREL_DATASESSION"]
(operation,) = session["operations"]["nodes"]
inside = os.environ["CARREL_API_URL"].removesuffix("/graphql")
path = operation["result"]["files"][0]["url"].split("/results/", 1)[1]
print(session["name"], operation["name"], operation["state"], len(ask(inside + "/results/" + path)))
"""


async def computed(caller: ApiClient) -> dict[str, Any]:
    """Compute a median of three frames in a data session, and return the operation."""
    files = [{"source": "upload", "basename": await caller.upload(frame(value))} for value in (1, 2, 9)]
    made = await caller.ask(documents.DATASESSION_CREATE, files=files)
    assert made["errors"] == [], made
    asked = await caller.ask(documents.OPERATION_CREATE, session=made["datasession"]["id"], files=files)
    assert asked["errors"] == [], asked
    operation: dict[str, Any] = {}
    async for update in caller.follow(documents.OPERATION_UPDATED, id=asked["operation"]["id"]):
        operation = update
    assert operation["state"] == "SUCCEEDED", operation
    return operation


@pytest.fixture(scope="module")
def jupyterlab_archive(docker_host: str) -> Path:
    """The archive of the example JupyterLab; the build takes up to two minutes and is cached."""
    engine = docker.APIClient(docker_host, timeout=60)
    archive = CACHE / "jupyterlab.tar.gz"
    recipe = max(file.stat().st_mtime for file in (SCRIPT.parent / "jupyterlab").iterdir())
    if not archive.exists() or archive.stat().st_mtime < recipe:
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(SCRIPT), "jupyterlab", "--docker-host", docker_host, "--output", str(archive)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False, env=os.environ
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    engine.close()
    return archive


async def cell(page: Page, code: str) -> str:
    """Run code in a new kernel and return its output."""
    printed: str = await asyncio.wait_for(page.evaluate(RUN, [code]), 60)
    return printed


async def test_jupyterlab_runs_cells_through_the_proxy(
    browser: Browser, installation: Installation, ada: ApiClient, jupyterlab_archive: Path
) -> None:
    lab = await ada.workstation("JupyterLab")
    upload = await ada.upload(jupyterlab_archive)
    image = await ada.import_image(lab, upload, httpPort=8888, websocketPort=None, initialPath="lab")
    assert image["state"] == "READY", image
    operation = await computed(ada)
    session = await ada.launch(lab, datasessionId=operation["datasession"]["id"])
    visitor = await BrowserUser.open(browser, installation)
    await visitor.sign_in(installation.people["ada"])

    await visitor.session_page.goto(session.url)

    await expect(visitor.session_page.get_by_role("menuitem", name="File")).to_be_visible(timeout=60_000)
    assert await cell(visitor.session_page, "print(6 * 7)") == "42\n"
    assert await cell(visitor.session_page, ASK) == "ada\n"
    assert (
        await cell(visitor.session_page, LIST)
        == f"M13 Median SUCCEEDED {operation['result']['files'][0]['sizeBytes']}\n"
    )
    await run_in_the_notebook(visitor.session_page)
    await ada.stop(session)


async def run_in_the_notebook(page: Page) -> None:
    """Open the notebook of the image and run its cells by keyboard."""
    await page.get_by_text("welcome.ipynb").dblclick()
    await expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
    await page.locator(".jp-CodeCell").first.click()
    for text in ("'username': 'ada'", "'name': 'M13'"):
        await page.keyboard.press("Shift+Enter")
        await expect(page.locator(".jp-OutputArea-output").last).to_contain_text(text, timeout=60_000)
