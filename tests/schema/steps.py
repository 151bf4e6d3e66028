"""Rows that the tests of the API begin with."""

from models.data.dataoperations import DataOperation
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.services.accounts import authentication
from models.services.data import dataoperations, datasessions
from models.services.sessions import sessions, workstations
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import Session
from tests.schema.served import Served


async def principal(served: Served, name: str) -> Principal:
    """Return one of the people as a principal."""
    return await authentication.principal_for(served.users[name])


async def ready_image(served: Served, maker: str = "ada", title: str = "Viewer") -> Image:
    """Make a workstation of the maker's with an image that is ready."""
    workstation = await workstations.create(title, actor=Actor.of(await principal(served, maker)))
    return await Image.create(
        workstation=workstation, state=ImageState.READY, is_desired=True, reference="viewer:1", http_port=8080
    )


async def queued_session(served: Served, name: str = "ada", image: Image | None = None) -> Session:
    """Queue a session; no worker runs, so it stays in line until the test moves it."""
    found = image or await ready_image(served)
    region = await Region.get(name="local")
    actor = Actor.of(await principal(served, name))
    session, _ = await sessions.launch(found, region, served.kernel.settings, actor=actor)
    return session


async def queued_operation(served: Served, name: str = "ada", title: str = "First") -> DataOperation:
    """Queue two operations in a data session of somebody's, and return the second."""
    actor = Actor.of(await principal(served, name))
    datasession = await datasessions.create(title, [], brought=(), organization_id=None, actor=actor)
    for _ in range(2):
        made = await dataoperations.create(datasession, "Median", "1", {"input_files": []}, needs=(), actor=actor)
    return made
