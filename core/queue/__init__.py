"""The job queue: the only package that uses arq.

A job is a hint: "look at this row". It may run twice, late or never, and the sweep enqueues it again.
"""

from core.queue.client import Queue
from core.queue.drain import DrainResult, drain
from core.queue.job_spec import JobFunction, JobSpec
from core.queue.names import Job, QueueClass, data_queue, import_queue, parse_queue, queue_of, region_queue
from core.queue.runner import JOB_LOCK_SECONDS
from core.queue.worker import Worker

__all__ = [
    "JOB_LOCK_SECONDS",
    "DrainResult",
    "Job",
    "JobFunction",
    "JobSpec",
    "Queue",
    "QueueClass",
    "Worker",
    "data_queue",
    "drain",
    "import_queue",
    "parse_queue",
    "queue_of",
    "region_queue",
]
