"""What jobs and queues are called."""

from enum import StrEnum


class Job(StrEnum):
    """The name of every job; a test keeps this equal to what the workers run."""

    SESSION_LAUNCH = "session_launch"
    SESSION_STOP = "session_stop"
    SESSION_CHECK = "session_check"
    IMAGE_IMPORT = "image_import"


class QueueClass(StrEnum):
    """The sorts of queue, each region has one of each; jobs that take minutes have their own, and so delay nobody."""

    SESSIONS = "sessions"
    IMPORTS = "imports"


PREFIX = "carrel"
_ENDS = {QueueClass.SESSIONS: "", QueueClass.IMPORTS: ":imports"}


def queue_of(kind: QueueClass, region: str) -> str:
    """Return the name of a region's queue of this sort."""
    return f"{PREFIX}:{region}{_ENDS[kind]}"


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
