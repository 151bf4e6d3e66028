"""What a request finds in the house: the process's settings and connections."""

from dataclasses import dataclass

from redis.asyncio import Redis

from core.events import EventBus
from core.settings import Settings
from core.signing import Signer
from core.storage import Storage
from models.services.entry import Doors


@dataclass(frozen=True)
class House:
    """The surroundings of every request of one process."""

    settings: Settings
    redis: Redis
    bus: EventBus
    storage: Storage
    doors: Doors
    signer: Signer
