"""The names of jobs and queues; every layer that enqueues or runs jobs uses them."""

from enum import StrEnum


class Job(StrEnum):
    """The names of all jobs; a test keeps this equal to what the workers run."""

    SESSION_LAUNCH = "session_launch"
    SESSION_STOP = "session_stop"
    SESSION_CHECK = "session_check"
    IMAGE_IMPORT = "image_import"
    DATAOPERATION_RUN = "dataoperation_run"
    RESULT_REMOVE = "result_remove"


class QueueClass(StrEnum):
    """The classes of queue; jobs that take minutes have their own, so they delay no short job.

    Each region has one queue of each class, except DATA: data operations belong to no region, and any worker runs them.
    """

    SESSIONS = "sessions"
    IMPORTS = "imports"
    DATA = "data"


PREFIX = "carrel"
_SUFFIXES = {QueueClass.SESSIONS: "", QueueClass.IMPORTS: ":imports", QueueClass.DATA: ":data"}
NO_REGION = ""
"""The region of a queue without one."""


def queue_of(kind: QueueClass, region: str) -> str:
    """Return the name of a region's queue of this class."""
    return f"{PREFIX}:{NO_REGION if kind is QueueClass.DATA else region}{_SUFFIXES[kind]}"


def parse_queue(queue: str) -> tuple[str, QueueClass]:
    """Return the region and the class of the queue with this name."""
    kind = next((kind for kind, end in _SUFFIXES.items() if end and queue.endswith(end)), QueueClass.SESSIONS)
    return queue.removeprefix(f"{PREFIX}:").removesuffix(_SUFFIXES[kind]), kind


def region_queue(region: str) -> str:
    """Return the queue of a region's short jobs."""
    return queue_of(QueueClass.SESSIONS, region)


def import_queue(region: str) -> str:
    """Return the queue of a region's image imports."""
    return queue_of(QueueClass.IMPORTS, region)


def data_queue() -> str:
    """Return the queue of data operations, which any worker runs."""
    return queue_of(QueueClass.DATA, NO_REGION)
