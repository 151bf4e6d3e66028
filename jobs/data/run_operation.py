"""Jobs of the data queue: run data operations and remove results.

A run claims the operation, fetches its files, computes in a separate process and stores the result. Every write
checks the fence of the claim.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any

from core.bytesize import format_bytes
from core.errors import CarrelError, Conflict
from jobs.context import DataContext
from jobs.data.input_files import InputFetcher
from jobs.data.process_pool import ComputeProcess, OperationCrashed, OperationRefused, OperationStopped, ProcessDied
from jobs.data.result_storage import store_result
from jobs.lease_renewal import LeaseLost, run_with_lease
from models.accounts.users import User
from models.data.dataoperations import DataOperation, DataOperationState
from models.data.datasessions import Datasession
from models.data.input_labels import InputNames, substitute_names
from models.data.results import Result, ResultState
from models.policies.data import dataoperations as policy
from models.services.accounts import authentication
from models.services.data import operation_runs, results
from models.services.data.operation_runs import Progress
from models.services.data.sources.source import FileRequester

log = logging.getLogger(__name__)

RENEW_SECONDS = 0.4
FETCHED_FRACTION, COMPUTED_FRACTION = 0.1, 0.95
"""Progress of a run after fetching its files, and after computing."""
STATES_WITHOUT_STOP = (DataOperationState.RUNNING, DataOperationState.SUCCEEDED, DataOperationState.QUEUED)
INTERNAL_ERROR = "It failed because of an internal error (see the log)."


async def dataoperation_run(context: Mapping[str, Any], operation_id: int) -> None:
    """Run an operation that can start or whose worker died; idempotent."""
    data_context: DataContext = context["data_context"]
    operation = await operation_runs.claim(operation_id, data_context.settings)
    if operation is not None:
        await OperationRun(data_context, operation).run()


async def result_remove(context: Mapping[str, Any], result_id: int) -> None:
    """Remove the files of a result without references; idempotent."""
    data_context: DataContext = context["data_context"]
    await results.remove(result_id, data_context.storage)


class OperationRun:
    """One claimed run of one operation."""

    def __init__(self, data_context: DataContext, operation: DataOperation) -> None:
        """Run `operation`, which this worker has just claimed."""
        self._data_context, self._settings, self._operation = data_context, data_context.settings, operation
        self._progress = Progress(phase="starting")
        self._names: InputNames = {}
        self._has_unsaved_progress = False
        self._state: DataOperationState | None = DataOperationState.RUNNING

    async def run(self) -> None:
        """Run while renewing the lease, then record the outcome unless the lease was lost."""
        name = f"operation-{self._operation.id}"
        try:
            await run_with_lease(self._work(), self._renew_lease, RENEW_SECONDS, name=name)
        except asyncio.CancelledError:
            await operation_runs.release(self._operation)
            raise
        except Exception as error:  # noqa: BLE001 - every failure is recorded, and logged if it is a bug
            with suppress(Conflict):  # Another worker holds a newer claim, or the operation is gone.
                if self._state is DataOperationState.CANCELLING:
                    await operation_runs.finish_cancel(self._operation)
                elif not isinstance(error, LeaseLost):
                    await self._record_failure(error)

    async def _renew_lease(self) -> bool:
        """Renew the lease and record progress; return whether the work may go on."""
        has_progress, self._has_unsaved_progress = self._has_unsaved_progress, False
        try:
            self._state = await operation_runs.renew(
                self._operation, self._settings, self._progress if has_progress else None
            )
        except BaseException:
            self._has_unsaved_progress |= has_progress
            raise
        return self._state in STATES_WITHOUT_STOP  # In the last two, the work recorded its outcome just now.

    async def _record_failure(self, error: Exception) -> None:
        operation, progress = self._operation, self._progress
        match error:
            case OperationStopped() | TimeoutError():
                limit = self._settings.data_seconds
                await operation_runs.fail(operation, f"It took longer than its time limit of {limit:g} s.", progress)
            case OperationRefused(retryable=False) | CarrelError() if not _is_transient(error):
                await operation_runs.fail(operation, self._with_file_names(error.message), progress)
            case OperationRefused() | CarrelError():
                await operation_runs.retry(operation, self._with_file_names(error.message), progress)
            case ProcessDied():
                await operation_runs.retry(operation, str(error), progress)
            case OperationCrashed():
                log.error("operation %d (%s) crashed:\n%s", operation.id, operation.name, error)
                await operation_runs.fail(operation, INTERNAL_ERROR, progress)
            case _:
                log.error("operation %d (%s) failed", operation.id, operation.name, exc_info=error)
                await operation_runs.retry(operation, INTERNAL_ERROR, progress)

    async def _work(self) -> None:
        user = await User.get(id=self._operation.creator_id)
        if not user.is_active:
            raise OperationRefused("The account that requested it is closed.", retryable=False)
        datasession = await Datasession.get(id=self._operation.datasession_id)
        requester = FileRequester(await authentication.principal_for_user(user), datasession)
        allowed = await policy.can_create(requester.principal, datasession)
        if allowed is not True:
            raise OperationRefused(f"The user who requested it may no longer compute here: {allowed}", retryable=False)
        async with asyncio.timeout(self._settings.data_seconds), AsyncExitStack() as stack:
            fetcher = InputFetcher(self._data_context.sources, requester, stack)
            inputs = await fetcher.fetch_all(self._operation.inputs, self._report_fetched)
            self._names = fetcher.names
            async with self._data_context.pool.acquire() as process:
                await self._compute(process, inputs, requester)

    async def _compute(self, process: ComputeProcess, inputs: Mapping[str, Any], requester: FileRequester) -> None:
        operation = self._operation
        command = {"name": operation.name, "version": operation.code_version, "inputs": inputs}
        plan = await process.plan(command)
        await self._check_plan(plan)
        ready = await results.find_ready(plan["key"], requester.principal)
        if ready and await operation_runs.share(operation, ready, self._progress):
            return
        result, is_mine = await results.claim(operation, plan["key"])
        if is_mine:
            await self._compute_and_store(process, command, result)
        elif result.state is not ResultState.READY:
            await operation_runs.wait_for(operation, result)
        elif not await operation_runs.share(operation, result, self._progress):
            raise OperationRefused("The result of an equal operation was discarded at the same time.", retryable=True)

    async def _check_plan(self, plan: Mapping[str, Any]) -> None:
        limit = self._settings.data_memory_mib << 20
        await operation_runs.record_plan(self._operation, plan["key"], self._names, plan["peak_bytes"], plan["seconds"])
        if plan["peak_bytes"] > limit:
            needed = format_bytes(plan["peak_bytes"])
            raise OperationRefused(
                f"It needs about {needed} of memory, the limit is {format_bytes(limit)}; use fewer or smaller frames.",
                retryable=False,
            )

    async def _compute_and_store(self, process: ComputeProcess, command: Mapping[str, Any], result: Result) -> None:
        with self._data_context.pool.scratch_folder() as folder:
            done = await process.compute({**command, "folder": folder}, self._settings.data_seconds, self._on_message)
            self._report_progress(COMPUTED_FRACTION, "keeping")
            await store_result(self._data_context.storage, self._operation, result, done, folder, self._progress)

    def _report_fetched(self, share: float) -> None:
        self._report_progress(FETCHED_FRACTION * share, "fetching")

    def _on_message(self, message: Mapping[str, Any]) -> None:
        if message["kind"] == "log":
            self._progress.lines.append(self._with_file_names(str(message["line"])))
            self._has_unsaved_progress = True
        elif message["kind"] == "progress":
            fraction = FETCHED_FRACTION + (COMPUTED_FRACTION - FETCHED_FRACTION) * message["fraction"]
            self._report_progress(
                fraction, self._with_file_names(message["phase"]), self._with_file_names(message["message"])
            )

    def _with_file_names(self, text: str) -> str:
        # The compute process knows labels only; users see the names of their own files.
        return substitute_names(text, self._names)

    def _report_progress(self, fraction: float, phase: str, message: str = "") -> None:
        self._progress.fraction, self._progress.phase, self._progress.message = fraction, phase, message
        self._has_unsaved_progress = True


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, CarrelError) and error.status >= 500
