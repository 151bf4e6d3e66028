"""The queues that the worker of a region serves: those that functions serve as well, and the one that computes."""

from core.queue import Job, QueueClass
from jobs.data.run_operation import dataoperation_run, result_remove
from jobs.queues import FUNCTIONS, JobQueue
from jobs.sessions.on_exhausted import operation_fails

RECORD_SECONDS = 60.0
"""What a data operation may take beside its own time, to record how it ended."""

DATA = JobQueue(
    QueueClass.DATA,
    {Job.DATAOPERATION_RUN: dataoperation_run, Job.RESULT_REMOVE: result_remove},
    lambda settings: settings.data_seconds + RECORD_SECONDS,
    parallel=lambda settings: settings.data_processes + 1,
    give_up={Job.DATAOPERATION_RUN: operation_fails},
    needs_files=True,
)
"""Data operations: they take minutes and gigabytes in processes of the worker's own, so no function serves them."""
RESIDENT = (*FUNCTIONS.values(), DATA)
