"""The queues that a worker serves: those of functions, and the data queue, which needs long-running processes."""

from core.queue import Job, QueueClass
from jobs.data.run_operation import dataoperation_run, result_remove
from jobs.queues import FUNCTION_QUEUES, JobQueue
from jobs.sessions.on_exhausted import fail_operation

RECORD_SECONDS = 60.0
"""Time added to the limit of a data operation for recording its outcome."""

DATA_QUEUE = JobQueue(
    QueueClass.DATA,
    {Job.DATAOPERATION_RUN: dataoperation_run, Job.RESULT_REMOVE: result_remove},
    lambda settings: settings.data_seconds + RECORD_SECONDS,
    parallel=lambda settings: settings.data_processes + 1,
    on_exhausted={Job.DATAOPERATION_RUN: fail_operation},
    needs_files=True,
)
"""Data operations take minutes and gigabytes in their own processes, so no function serves this queue."""
WORKER_QUEUES = (*FUNCTION_QUEUES.values(), DATA_QUEUE)
