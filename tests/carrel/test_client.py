"""The client of the public API, against a real API."""

import asyncio
from pathlib import Path

import pytest

from carrel.client import Client, ClientRefused
from core.errors import Unavailable
from tests.schema.api import Api

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def _client(api: Api, name: str) -> Client:
    return Client(f"{str(api.http.base_url).rstrip('/')}/graphql", await api.people.token(name))


async def test_client_raises_one_error_for_all_refusals(api: Api) -> None:
    client = await _client(api, "stranger")

    found = await asyncio.to_thread(client.ask, "{ viewer { username } }")
    assert found == {"viewer": {"username": "stranger"}}
    with pytest.raises(ClientRefused, match="permission"):
        await asyncio.to_thread(client.ask, 'mutation { organizationCreate(name: "Lab") { errors { message } } }')
    with pytest.raises(ClientRefused, match="printable"):
        await asyncio.to_thread(client.ask, 'mutation { uploadCreate(filename: "") { errors { message } } }')


async def test_client_uploads_a_file(api: Api, tmp_path: Path) -> None:
    client = await _client(api, "owner")
    (tmp_path / "a.tar").write_bytes(b"archive")
    announced = await asyncio.to_thread(client.ask, 'mutation { uploadCreate(filename: "a.tar") { url } }')
    url = announced["uploadCreate"]["url"]

    stored = await asyncio.to_thread(client.put, url, tmp_path / "a.tar")

    assert stored["sizeBytes"] == 7
    with pytest.raises(ClientRefused, match="complete"):
        await asyncio.to_thread(client.put, url, tmp_path / "a.tar")


async def test_unreachable_server_is_one_sentence(database_url: str) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        await asyncio.to_thread(Client("http://127.0.0.1:1/graphql", "x").ask, "{ viewer { kind } }")
