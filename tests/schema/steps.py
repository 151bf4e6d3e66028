"""Steps that create rows for the tests of the API."""

from models.data.dataoperations import DataOperation
from models.permissions.principal import Actor, Principal
from models.services.accounts import authentication
from models.services.data import dataoperations, datasessions
from models.services.sessions import sessions, workstations
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import Session
from tests.schema.served import Served


async def principal(served: Served, name: str) -> Principal:
    """Return the principal of a person."""
    return await authentication.principal_for_user(served.users[name])


async def ready_image(served: Served, maker: str = "ada", title: str = "Viewer") -> Image:
    """Create a workstation with a ready image."""
    workstation = await workstations.create(title, actor=Actor.from_principal(await principal(served, maker)))
    return await Image.create(
        workstation=workstation, state=ImageState.READY, is_desired=True, reference="viewer:1", http_port=8080
    )


async def queued_session(served: Served, name: str = "ada", image: Image | None = None) -> Session:
    """Queue a session. Without a worker it stays queued."""
    found = image or await ready_image(served)
    region = await Region.get(name="local")
    actor = Actor.from_principal(await principal(served, name))
    session, _ = await sessions.launch(found, region, served.services.settings, actor=actor)
    return session


async def queued_operation(served: Served, name: str = "ada", title: str = "First") -> DataOperation:
    """Queue two operations in a data session of a person, and return the second."""
    actor = Actor.from_principal(await principal(served, name))
    datasession = await datasessions.create(title, [], upload_ids=(), organization_id=None, actor=actor)
    for _ in range(2):
        made = await dataoperations.create(datasession, "Median", "1", {"input_files": []}, depends_on=(), actor=actor)
    return made
