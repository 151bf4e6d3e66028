"""Fixtures of job tests: services with a fake engine, a ready image and a user who may launch it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from carrel.services import ProcessServices, open_services
from core.engine.fake.engine import FakeEngine
from core.settings import Settings
from jobs.context import RegionContext
from models.permissions.principal import Actor, Principal
from models.services.accounts import authentication, users
from models.services.accounts.roles import sync_default_roles
from models.services.sessions import regions, sessions, workstations
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import Session
from tests.jobs.data.job_env import Data, open_data

PLUGIN = Path(__file__).parent / "plugin"


@dataclass
class JobEnv:
    """The environment of a job test."""

    services: ProcessServices
    region_context: RegionContext
    engine: FakeEngine
    region: Region
    image: Image
    principal: Principal

    @property
    def context(self) -> dict[str, RegionContext]:
        """The context of a job."""
        return {"region_context": self.region_context}

    async def launch(self, **options: int) -> Session:
        """Queue a session."""
        session, _ = await sessions.launch(
            self.image, self.region, self.services.settings, actor=Actor.from_principal(self.principal), **options
        )
        return session

    async def read(self, session: Session) -> Session:
        """Read the session again."""
        return await Session.get(id=session.id)


@pytest.fixture
def settings(settings: Settings, redis_address: str) -> Settings:
    """Settings with short times."""
    return settings.model_copy(
        update={"redis_url": redis_address, "session_start_seconds": 1.0, "job_seconds": 4.0, "lease_seconds": 1.0}
    )


@pytest.fixture
async def job_env(settings: Settings, database_url: str, redis: object) -> AsyncIterator[JobEnv]:
    """Services with a fake engine and one image."""
    engine = FakeEngine()
    async with open_services(settings) as services:
        await sync_default_roles()
        user = await users.register("ada", "correct horse", role="builder")
        principal = await authentication.principal_for_user(user)
        workstation = await workstations.create("Viewer", actor=Actor.from_principal(principal))
        image = await Image.create(
            workstation=workstation, state=ImageState.READY, is_desired=True, reference="viewer:1", http_port=8080
        )
        region = await regions.ensure("local", 2)
        yield JobEnv(services, services.region_context(engine), engine, region, image, principal)
    await engine.close()


@pytest.fixture
async def data(
    settings: Settings, database_url: str, redis: object, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Data]:
    """Services that run data operations, with the plug-in of misbehaving ones."""
    monkeypatch.syspath_prepend(str(PLUGIN))
    async with open_data(settings.model_copy(update={"data_memory_mib": 1024})) as data:
        yield data
