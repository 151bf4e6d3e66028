"""The job queue: the one package that knows arq.

Jobs are level-triggered: a job says "look at this row", so it may come twice, late, or never; the sweep asks again.
"""

from core.queue.client import Queue
from core.queue.drain import Drained, drain
from core.queue.job_spec import JobFunction, Spec
from core.queue.names import Job, QueueClass, class_of, data_queue, import_queue, queue_of, region_queue
from core.queue.runner import HELD_SECONDS
from core.queue.worker import Worker

__all__ = [
    "HELD_SECONDS",
    "Drained",
    "Job",
    "JobFunction",
    "Queue",
    "QueueClass",
    "Spec",
    "Worker",
    "class_of",
    "data_queue",
    "drain",
    "import_queue",
    "queue_of",
    "region_queue",
]
