"""A house in which data operations run: two people, a data session of the first, frames, and a laboratory."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
from astropy.io import fits

from carrel.services import Kernel, open_kernel
from core.settings import Settings
from jobs.data.context import Laboratory, open_laboratory
from jobs.data.run_operation import dataoperation_run
from models.accounts.users import User
from models.data.dataoperations import DataOperation
from models.data.datasessions import Datasession
from models.data.results import Result
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.services.accounts import authentication, users
from models.services.accounts.roles import sync_default_roles
from models.services.data import dataoperations, datasessions, uploads
from models.services.data.sources.registry import Sources
from operations.cosmic_ray_rejection import CosmicRayRejection
from operations.framework.operation import BaseDataOperation
from operations.light_curve import LightCurve
from operations.median import Median
from tests.core.sample_archives import stream

PATIENCE = "Patience"
OURS: tuple[type[BaseDataOperation], ...] = (Median, CosmicRayRejection, LightCurve)
VERSIONS = {kind.name: str(kind.version) for kind in OURS}
"""The operations that are ours, and what versions of them are asked for."""


def frame(value: float, shape: tuple[int, int] = (8, 8)) -> bytes:
    """Return a small FITS file that is full of one number."""
    file = BytesIO()
    fits.PrimaryHDU(np.full(shape, value, "f4")).writeto(file)
    return file.getvalue()


@dataclass
class Data:
    """What a test of data operations works with."""

    kernel: Kernel
    laboratory: Laboratory
    people: dict[str, User]
    datasession: Datasession
    marks: int = field(default=0)

    @property
    def context(self) -> dict[str, Laboratory]:
        """What a job is given."""
        return {"laboratory": self.laboratory}

    @property
    def settings(self) -> Settings:
        """The house's settings."""
        return self.kernel.settings

    @property
    def sources(self) -> Sources:
        """Where files come from."""
        return self.laboratory.sources

    async def principal(self, name: str) -> Principal:
        """Return somebody as a caller."""
        return await authentication.principal_for(self.people[name])

    async def actor(self, name: str = "ada") -> Actor:
        """Return somebody as the one who causes a move."""
        return Actor.of(await self.principal(name))

    async def session_of(self, name: str) -> Datasession:
        """Make another data session."""
        return await datasessions.create(
            f"{name}'s", [], brought=(), organization_id=None, actor=await self.actor(name)
        )

    async def upload(self, content: bytes, name: str = "ada", filename: str = "a.fits") -> dict[str, str]:
        """Bring a file, and return how an operation names it."""
        upload = await uploads.create(filename, actor=await self.actor(name))
        stored = await self.kernel.storage.put(upload.storage_key, stream(content), limit=None)
        await uploads.complete(upload, upload.storage_key, stored.size, stored.sha256)
        return {"source": "upload", "basename": uploads.address(upload.id)}

    async def queue(
        self,
        name: str = PATIENCE,
        who: str = "ada",
        session: Datasession | None = None,
        needs: tuple[DataOperation, ...] = (),
        **inputs: Any,
    ) -> DataOperation:
        """Queue an operation; without a mark of its own it is equal to no other."""
        self.marks += 1
        given: Mapping[str, Any] = {"mark": f"/nowhere/{self.marks}", "seconds": 0.01, **inputs}
        if name in VERSIONS:
            given = inputs
        return await dataoperations.create(
            session or self.datasession,
            name,
            VERSIONS.get(name, "1"),
            given,
            needs=[each.id for each in needs],
            actor=await self.actor(who),
        )

    async def median(
        self, files: list[dict[str, str]], who: str = "ada", session: Datasession | None = None
    ) -> DataOperation:
        """Queue a median."""
        return await self.queue("Median", who, session, input_files=sorted(files, key=lambda file: file["basename"]))

    async def run(self, operation: DataOperation) -> DataOperation:
        """Do the operation's job, and return its row."""
        await dataoperation_run(self.context, operation.id)
        return await self.read(operation)

    async def read(self, operation: DataOperation) -> DataOperation:
        """Return the operation as its row is now."""
        return await DataOperation.get(id=operation.id)

    async def result(self, operation: DataOperation) -> Result:
        """Return what came of it."""
        return await Result.get(id=(await self.read(operation)).result_id)

    async def stored(self, operation: DataOperation, kind: str = "fits") -> bytes:
        """Return the bytes of an output."""
        file = next(file for file in (await self.result(operation)).files if file["kind"] == kind)
        return b"".join([chunk async for chunk in self.kernel.storage.get(file["storage_key"])])


@asynccontextmanager
async def open_data(settings: Settings) -> AsyncIterator[Data]:
    """Open the house."""
    async with open_kernel(settings) as kernel, open_laboratory(settings, kernel.storage) as laboratory:
        await sync_default_roles()
        people = {name: await users.register(name, None) for name in ("ada", "eve")}
        actor = Actor.of(await authentication.principal_for(people["ada"]))
        datasession = await datasessions.create("Ada's", [], brought=(), organization_id=None, actor=actor)
        yield Data(kernel, laboratory, people, datasession)
