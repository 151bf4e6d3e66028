"""The queues of a region: the jobs of each, their time limits, and the handlers for jobs that used up their retries.

A new queue is one entry here, and one function in `serverless.yml` unless only workers serve it. Functions import this
module, so no job may import a library that their archives lack.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from core.queue import Job, JobFunction, JobSpec, QueueClass, queue_of
from core.settings import Settings
from jobs.data.on_exhausted import fail_operation
from jobs.data.run_operation import dataoperation_run, result_remove
from jobs.sessions.image_import import image_import
from jobs.sessions.launch import session_launch
from jobs.sessions.on_exhausted import fail_image, fail_session
from jobs.sessions.stop import session_check, session_stop

RECORD_SECONDS = 60.0
"""Time added to the limit of a data operation for recording its outcome."""


@dataclass(frozen=True)
class JobQueue:
    """A queue: `seconds` is the time limit of each job, `parallel` the number of concurrent jobs in a process."""

    kind: QueueClass
    jobs: Mapping[Job, JobFunction]
    seconds: Callable[[Settings], float]
    parallel: Callable[[Settings], int] = lambda _: 10
    on_exhausted: Mapping[Job, JobFunction] = field(default_factory=dict)
    needs_files: bool = False

    def name(self, region: str) -> str:
        """Return the queue's name in a region."""
        return queue_of(self.kind, region)

    def specs(self, settings: Settings) -> dict[Job, JobSpec]:
        """Return the specs of its jobs."""
        seconds = self.seconds(settings)
        return {job: JobSpec(function, seconds, self.on_exhausted.get(job)) for job, function in self.jobs.items()}


SESSION_QUEUE = JobQueue(
    QueueClass.SESSIONS,
    {Job.SESSION_LAUNCH: session_launch, Job.SESSION_STOP: session_stop, Job.SESSION_CHECK: session_check},
    lambda settings: settings.job_seconds,
    on_exhausted={Job.SESSION_LAUNCH: fail_session, Job.SESSION_STOP: fail_session},
)
IMPORT_QUEUE = JobQueue(
    QueueClass.IMPORTS,
    {Job.IMAGE_IMPORT: image_import},
    lambda settings: settings.import_seconds,
    parallel=lambda _: 2,
    on_exhausted={Job.IMAGE_IMPORT: fail_image},
    needs_files=True,
)
DATA_QUEUE = JobQueue(
    QueueClass.DATA,
    {Job.DATAOPERATION_RUN: dataoperation_run, Job.RESULT_REMOVE: result_remove},
    lambda settings: settings.data_seconds + RECORD_SECONDS,
    parallel=lambda settings: settings.data_processes + 1,
    on_exhausted={Job.DATAOPERATION_RUN: fail_operation},
    needs_files=True,
)
"""Data operations take minutes and gigabytes in their own processes, so no function serves this queue."""
FUNCTION_QUEUES = {queue.kind: queue for queue in (SESSION_QUEUE, IMPORT_QUEUE)}
WORKER_QUEUES = (SESSION_QUEUE, IMPORT_QUEUE, DATA_QUEUE)
