"""An environment in which functions run the jobs: PostgreSQL and Redis over the network, a fake engine, one image."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bench.chaos.container_server import answering
from carrel.services import ProcessServices, open_services
from core.engine.fake.engine import FakeEngine
from core.settings import Settings, load, variable
from models.accounts.history import ActorKind
from models.permissions.principal import Actor
from models.services.accounts import users
from models.services.accounts.roles import sync_default_roles
from models.services.sessions import regions, sessions, workstations
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import Session, SessionState

SECRET = "a function secret"
REGION = "eu"


@dataclass
class FunctionEnvironment:
    """The environment of a function test; `services` is the API's side."""

    services: ProcessServices
    engine: FakeEngine
    region: Region
    image: Image

    @property
    def settings(self) -> Settings:
        """The settings of the API and the functions."""
        return self.services.settings

    def process_variables(self, **changes: str) -> dict[str, str]:
        """Return the environment variables of a function's process."""
        variables = {
            variable(name): _text(value)
            for name in Settings.model_fields
            if (value := getattr(self.settings, name)) not in (None, {})
        }
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **variables, **changes}

    async def launch(self, count: int = 1) -> list[Session]:
        """Queue `count` sessions of different users, as the API does."""
        launched = []
        for _ in range(count):
            person = await users.register(f"reader{os.urandom(4).hex()}", None)
            actor = Actor(ActorKind.USER, person.id)
            session, _ = await sessions.launch(self.image, self.region, self.settings, actor=actor)
            launched.append(session)
        return launched

    async def states(self) -> list[SessionState]:
        """Return the state of every session, oldest first."""
        return [row.state for row in await Session.all().order_by("id")]


def _text(value: object) -> str:
    if hasattr(value, "get_secret_value"):
        return str(value.get_secret_value())
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value)


@asynccontextmanager
async def open_function_environment(
    folder: Path, database_url: str, redis_url: str, *, capacity: int = 50, **changes: object
) -> AsyncIterator[FunctionEnvironment]:
    """Open an environment in an empty migrated database."""
    async with answering(Random(1), slowest=0.01, refused=0) as port:
        settings = load(
            data_dir=folder,
            database_url=database_url,
            redis_url=redis_url,
            docker_host=f"fake://{folder}/engine?port={port}",
            region=REGION,
            region_capacity=capacity,
            job_seconds=4,
            lease_seconds=5,
            import_seconds=10,
            function_timeout_seconds=12,
            stop_grace_seconds=0,
            **changes,
        )
        engine = FakeEngine(folder / "engine")
        async with open_services(settings) as services:
            await services.redis.flushall()
            await sync_default_roles()
            builder = await users.register("builder", None, role="builder")
            workstation = await workstations.create("Viewer", actor=Actor(ActorKind.USER, builder.id))
            image = await Image.create(
                workstation=workstation, state=ImageState.READY, is_desired=True, reference="viewer:1", http_port=8080
            )
            yield FunctionEnvironment(services, engine, await regions.ensure(REGION, capacity), image)
        await engine.close()
