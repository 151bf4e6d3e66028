"""What is to happen to each session of a storm, and where it must end."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from bench.chaos.environment import Post
from models.sessions.sessions import Reason, SessionState


class Fate(StrEnum):
    """What happens to a session."""

    STAY = "stays"
    STOP_ANY_TIME = "stopped at any time"
    STOP_WHEN_RUNNING = "stopped while it runs"
    CRASH = "container crashes"
    VANISH = "container vanishes"


ENDS: dict[Fate, tuple[SessionState, frozenset[Reason | None]]] = {
    Fate.STAY: (SessionState.RUNNING, frozenset({None})),
    Fate.STOP_ANY_TIME: (SessionState.STOPPED, frozenset({Reason.STOPPED_BY_CREATOR})),
    Fate.STOP_WHEN_RUNNING: (SessionState.STOPPED, frozenset({Reason.STOPPED_BY_CREATOR})),
    Fate.CRASH: (SessionState.FAILED, frozenset({Reason.CONTAINER_EXITED})),
    Fate.VANISH: (SessionState.FAILED, frozenset({Reason.CONTAINER_LOST})),
}


@dataclass(frozen=True)
class Storm:
    """How hard it blows."""

    launches: int = 100
    capacity: int = 30
    workers: int = 3
    kills: int = 10
    freezes: int = 2
    seed: int = 0
    longest_seconds: float = 240.0
    settle_seconds: float = 90.0
    with_functions: bool = False
    """Functions do the work of workers; the database must be a PostgreSQL."""

    def fates(self, random: Random) -> list[Fate]:
        """Return a fate for each launch; those that stay leave two places, so that the line goes on."""
        stays = min(self.capacity - 2, self.launches // 3)
        others = [fate for fate in Fate if fate is not Fate.STAY]
        fates = [Fate.STAY] * stays + [others[number % len(others)] for number in range(self.launches - stays)]
        random.shuffle(fates)
        return fates

    def posts(self, random: Random) -> list[Post]:
        """Return what becomes of each launch's messages: one in three is lost, one in nine left to the relay."""
        kinds = [Post.LOST, Post.LEFT, *[Post.SENT] * 2, Post.LOST, *[Post.SENT] * 2, Post.LOST, Post.SENT]
        posts = [kinds[number % len(kinds)] for number in range(self.launches)]
        random.shuffle(posts)
        return posts
