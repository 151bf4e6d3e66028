"""The faults of a chaos run, and the state in which each session must end."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from bench.chaos.environment import Delivery
from models.sessions.sessions import Reason, SessionState


class Fault(StrEnum):
    """The fault that is applied to a session."""

    STAY = "stays"
    STOP_ANY_TIME = "stopped at any time"
    STOP_WHEN_RUNNING = "stopped while it runs"
    CRASH = "container crashes"
    VANISH = "container vanishes"


ENDS: dict[Fault, tuple[SessionState, frozenset[Reason | None]]] = {
    Fault.STAY: (SessionState.RUNNING, frozenset({None})),
    Fault.STOP_ANY_TIME: (SessionState.STOPPED, frozenset({Reason.STOPPED_BY_CREATOR})),
    Fault.STOP_WHEN_RUNNING: (SessionState.STOPPED, frozenset({Reason.STOPPED_BY_CREATOR})),
    Fault.CRASH: (SessionState.FAILED, frozenset({Reason.CONTAINER_EXITED})),
    Fault.VANISH: (SessionState.FAILED, frozenset({Reason.CONTAINER_LOST})),
}


@dataclass(frozen=True)
class ChaosPlan:
    """Size and intensity of a chaos run."""

    launches: int = 100
    capacity: int = 30
    workers: int = 3
    kills: int = 10
    freezes: int = 2
    seed: int = 0
    max_seconds: float = 240.0
    settle_seconds: float = 90.0
    with_functions: bool = False
    """Functions replace workers; the database must be PostgreSQL."""

    def faults(self, random: Random) -> list[Fault]:
        """Return a fault for each launch; sessions that stay leave two slots free, so that the queue moves."""
        stay_count = min(self.capacity - 2, self.launches // 3)
        others = [fault for fault in Fault if fault is not Fault.STAY]
        faults = [Fault.STAY] * stay_count + [
            others[number % len(others)] for number in range(self.launches - stay_count)
        ]
        random.shuffle(faults)
        return faults

    def deliveries(self, random: Random) -> list[Delivery]:
        """Return the delivery of each launch's messages: one in three is lost, one in nine is left to the relay."""
        kinds = [
            Delivery.LOST,
            Delivery.LEFT,
            *[Delivery.SENT] * 2,
            Delivery.LOST,
            *[Delivery.SENT] * 2,
            Delivery.LOST,
            Delivery.SENT,
        ]
        deliveries = [kinds[number % len(kinds)] for number in range(self.launches)]
        random.shuffle(deliveries)
        return deliveries
