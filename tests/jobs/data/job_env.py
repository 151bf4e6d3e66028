"""The environment of data operation tests: two users, a data session of the first, and a data context."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from typing import Any

import numpy as np
from astropy.io import fits

from carrel.services import ProcessServices, open_services
from core.clock import now
from core.settings import Settings
from core.storage.object_store import Storage
from jobs.context import DataContext
from jobs.data.run_operation import dataoperation_run
from jobs.worker import open_data_context
from models.accounts.users import User
from models.data.dataoperations import DataOperation
from models.data.datasessions import Datasession
from models.data.results import Result
from models.data.uploads import Upload, UploadState
from models.permissions.principal import Actor, Principal
from models.services.accounts import authentication, users
from models.services.accounts.roles import sync_default_roles
from models.services.data import dataoperations, datasessions, uploads
from models.services.data.sources.registry import Sources
from operations.cosmic_ray_rejection import CosmicRayRejection
from operations.framework.operation import BaseDataOperation
from operations.light_curve import LightCurve
from operations.median import Median
from tests.core.sample_archives import stream

SLOW = "Slow"
BUILT_IN: tuple[type[BaseDataOperation], ...] = (Median, CosmicRayRejection, LightCurve)
VERSIONS = {kind.name: str(kind.version) for kind in BUILT_IN}
"""Built-in operations and the versions that the tests request."""


def frame(value: float, shape: tuple[int, int] = (8, 8)) -> bytes:
    """Return a small FITS file filled with one number."""
    file = BytesIO()
    fits.PrimaryHDU(np.full(shape, value, "f4")).writeto(file)
    return file.getvalue()


@dataclass
class Data:
    """The environment of a data operation test."""

    services: ProcessServices
    data_context: DataContext
    people: dict[str, User]
    datasession: Datasession
    marks: int = field(default=0)

    @property
    def context(self) -> dict[str, DataContext]:
        """The context of a job."""
        return {"data_context": self.data_context}

    @property
    def settings(self) -> Settings:
        """The settings."""
        return self.services.settings

    @property
    def sources(self) -> Sources:
        """The sources of files."""
        return self.data_context.sources

    async def principal(self, name: str) -> Principal:
        """Return a user as a principal."""
        return await authentication.principal_for_user(self.people[name])

    async def actor(self, name: str = "ada") -> Actor:
        """Return a user as an actor."""
        return Actor.from_principal(await self.principal(name))

    async def session_of(self, name: str) -> Datasession:
        """Create another data session."""
        return await datasessions.create(
            f"{name}'s", [], upload_ids=(), organization_id=None, actor=await self.actor(name)
        )

    async def upload(self, content: bytes, name: str = "ada", filename: str = "a.fits") -> dict[str, str]:
        """Upload a file and return it as an input of an operation."""
        upload = await uploads.create(filename, actor=await self.actor(name))
        stored = await self.services.storage.put(upload.storage_key, stream(content), limit=None)
        await uploads.complete(upload, upload.storage_key, stored.size, stored.sha256)
        return {"source": "upload", "basename": uploads.global_id(upload.id)}

    async def queue(
        self,
        name: str = SLOW,
        who: str = "ada",
        session: Datasession | None = None,
        needs: tuple[DataOperation, ...] = (),
        **inputs: Any,
    ) -> DataOperation:
        """Queue an operation; by default its mark makes its key unique."""
        self.marks += 1
        values: Mapping[str, Any] = {"mark": f"/nowhere/{self.marks}", "seconds": 0.01, **inputs}
        if name in VERSIONS:
            values = inputs
        return await dataoperations.create(
            session or self.datasession,
            name,
            VERSIONS.get(name, "1"),
            values,
            depends_on=[each.id for each in needs],
            actor=await self.actor(who),
        )

    async def median(
        self, files: list[dict[str, str]], who: str = "ada", session: Datasession | None = None
    ) -> DataOperation:
        """Queue a median."""
        return await self.queue("Median", who, session, input_files=sorted(files, key=lambda file: file["basename"]))

    async def run(self, operation: DataOperation) -> DataOperation:
        """Run the operation's job and return its row."""
        await dataoperation_run(self.context, operation.id)
        return await self.read(operation)

    async def read(self, operation: DataOperation) -> DataOperation:
        """Read the operation again."""
        return await DataOperation.get(id=operation.id)

    async def result(self, operation: DataOperation) -> Result:
        """Return the result of the operation."""
        return await Result.get(id=(await self.read(operation)).result_id)

    async def stored(self, operation: DataOperation, kind: str = "fits") -> bytes:
        """Return the bytes of an output."""
        file = next(file for file in (await self.result(operation)).files if file["kind"] == kind)
        return b"".join([chunk async for chunk in self.services.storage.get(file["storage_key"])])


@asynccontextmanager
async def open_data(settings: Settings) -> AsyncIterator[Data]:
    """Open the environment."""
    async with open_services(settings) as services, open_data_context(settings, services.storage) as data_context:
        await sync_default_roles()
        people = {name: await users.register(name, None) for name in ("ada", "eve")}
        actor = Actor.from_principal(await authentication.principal_for_user(people["ada"]))
        datasession = await datasessions.create("Ada's", [], upload_ids=(), organization_id=None, actor=actor)
        yield Data(services, data_context, people, datasession)


async def create_overdue_upload(
    storage: Storage, creator_id: int, state: UploadState = UploadState.COMPLETE, key: str = "uploads/old"
) -> Upload:
    """Store an upload whose time is over."""
    await storage.put(key, stream(b"old"), limit=None)
    return await Upload.create(
        creator_id=creator_id, filename="old", storage_key=key, state=state, expires_at=now() - timedelta(seconds=1)
    )
