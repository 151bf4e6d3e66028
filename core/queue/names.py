"""What jobs and queues are called."""

from enum import StrEnum


class Job(StrEnum):
    """The name of every job; a test keeps this equal to what the workers run."""

    SESSION_LAUNCH = "session_launch"
    SESSION_STOP = "session_stop"
    SESSION_CHECK = "session_check"
    IMAGE_IMPORT = "image_import"
    DATAOPERATION_RUN = "dataoperation_run"
    RESULT_REMOVE = "result_remove"


class QueueClass(StrEnum):
    """The sorts of queue; jobs that take minutes have their own, and so delay nobody.

    Each region has one of each, but that of data operations is of no region: any worker computes them.
    """

    SESSIONS = "sessions"
    IMPORTS = "imports"
    DATA = "data"


PREFIX = "carrel"
_ENDS = {QueueClass.SESSIONS: "", QueueClass.IMPORTS: ":imports", QueueClass.DATA: ":data"}
NOWHERE = ""
"""The region of what is of none."""


def queue_of(kind: QueueClass, region: str) -> str:
    """Return the name of a region's queue of this sort."""
    return f"{PREFIX}:{NOWHERE if kind is QueueClass.DATA else region}{_ENDS[kind]}"


def class_of(queue: str) -> tuple[str, QueueClass]:
    """Return the region and the sort of the queue with this name."""
    kind = next((kind for kind, end in _ENDS.items() if end and queue.endswith(end)), QueueClass.SESSIONS)
    return queue.removeprefix(f"{PREFIX}:").removesuffix(_ENDS[kind]), kind


def region_queue(region: str) -> str:
    """Return the queue of a region's short jobs."""
    return queue_of(QueueClass.SESSIONS, region)


def import_queue(region: str) -> str:
    """Return the queue of a region's image imports."""
    return queue_of(QueueClass.IMPORTS, region)


def data_queue() -> str:
    """Return the queue of data operations, which any worker does."""
    return queue_of(QueueClass.DATA, NOWHERE)
