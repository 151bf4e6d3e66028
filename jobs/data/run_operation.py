"""Run data operations: claim, bring the files, compute in a process apart, keep the result, under the claim's fence."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any

from tortoise.exceptions import BaseORMException

from core.bytesize import readable
from core.errors import CarrelError, Conflict
from jobs.data.context import Laboratory, laboratory_of
from jobs.data.input_files import Fetching
from jobs.data.process_pool import Crashed, Hand, HandLost, Refused, Stopped
from jobs.data.result_storage import keep
from models.accounts.users import User
from models.data.dataoperations import DataOperation, DataOperationState
from models.data.datasessions import Datasession
from models.data.input_labels import Names, named
from models.data.results import Result, ResultState
from models.policies.data import dataoperations as policy
from models.services.accounts import authentication
from models.services.data import operation_runs, results
from models.services.data.operation_runs import Progress
from models.services.data.sources.source import Asker

log = logging.getLogger(__name__)

BEAT_SECONDS = 0.4
FETCHED, COMPUTED = 0.1, 0.95
"""How far a run is when its files are here, and when all is computed."""
RECORDED_AT_WORK = (DataOperationState.RUNNING, DataOperationState.SUCCEEDED, DataOperationState.QUEUED)
OURS = "It failed for a reason of ours, which is logged."


async def dataoperation_run(context: Mapping[str, Any], operation_id: int) -> None:
    """Run an operation that can begin, or go on with one whose worker was lost; harmless twice."""
    laboratory = laboratory_of(context)
    operation = await operation_runs.claim(operation_id, laboratory.settings)
    if operation is not None:
        await Run(laboratory, operation).through()


async def result_remove(context: Mapping[str, Any], result_id: int) -> None:
    """Remove the files of a result that nobody has any more; harmless twice."""
    await results.remove(result_id, laboratory_of(context).storage)


class Run:
    """One claimed run of one operation."""

    def __init__(self, laboratory: Laboratory, operation: DataOperation) -> None:
        """Run `operation`, which this worker has just claimed."""
        self._laboratory, self._settings, self._operation = laboratory, laboratory.settings, operation
        self._progress = Progress(phase="starting")
        self._names: Names = {}
        self._news = False

    async def through(self) -> None:
        """Work while the heart beats; record how it ended, unless the claim was lost."""
        work = asyncio.create_task(self._work(), name=f"operation-{self._operation.id}")
        heart = asyncio.create_task(self._beat(), name=f"operation-{self._operation.id}-lease")
        try:
            await asyncio.wait({work, heart}, return_when=asyncio.FIRST_COMPLETED)
            state = heart.result() if heart.done() else DataOperationState.RUNNING
            if state in RECORDED_AT_WORK:
                await asyncio.wait({work})  # It has just recorded its end, or is about to.
        except asyncio.CancelledError:
            await _ended(work, heart)
            await operation_runs.give_back(self._operation)
            raise
        await _ended(heart, *([] if work.done() else [work]))
        with suppress(Conflict):  # Another worker holds a newer claim, or the operation is gone.
            if state is DataOperationState.CANCELLING:
                await operation_runs.finish_cancel(self._operation)
            elif work.done() and not work.cancelled():
                await self._conclude(work.exception())

    async def _beat(self) -> DataOperationState | None:
        """Prolong the claim and record progress until the operation is no longer to be run; return why."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            news, self._news = self._news, False
            try:
                state = await operation_runs.beat(self._operation, self._settings, self._progress if news else None)
            except (BaseORMException, OSError) as error:
                log.warning("operation %d: its claim could not be prolonged (%s)", self._operation.id, error)
                self._news = news
                continue
            if state is not DataOperationState.RUNNING:
                return state

    async def _conclude(self, error: BaseException | None) -> None:
        operation, progress = self._operation, self._progress
        match error:
            case None:
                return
            case Stopped() | TimeoutError():
                limit = self._settings.data_seconds
                await operation_runs.fail(operation, f"It took longer than the {limit:g} s that it may take.", progress)
            case Refused(again=False) | CarrelError() if not _transient(error):
                await operation_runs.fail(operation, self._named(error.message), progress)
            case Refused() | CarrelError():
                await operation_runs.try_again(operation, self._named(error.message), progress)
            case HandLost():
                await operation_runs.try_again(operation, str(error), progress)
            case Crashed():
                log.error("operation %d (%s) crashed:\n%s", operation.id, operation.name, error)
                await operation_runs.fail(operation, OURS, progress)
            case _:
                log.error("operation %d (%s) broke off", operation.id, operation.name, exc_info=error)
                await operation_runs.try_again(operation, OURS, progress)

    async def _work(self) -> None:
        user = await User.get(id=self._operation.creator_id)
        if not user.is_active:
            raise Refused("The account of who asked for it is closed.", again=False)
        datasession = await Datasession.get(id=self._operation.datasession_id)
        asker = Asker(await authentication.principal_for(user), datasession)
        verdict = await policy.can_create(asker.principal, datasession)
        if verdict is not True:
            raise Refused(f"Who asked for it may not compute here any more: {verdict}", again=False)
        async with asyncio.timeout(self._settings.data_seconds), AsyncExitStack() as stack:
            fetching = Fetching(self._laboratory.sources, asker, stack)
            inputs = await fetching.all(self._operation.inputs, lambda share: self._tell(FETCHED * share, "fetching"))
            self._names = fetching.names
            async with self._laboratory.workshop.hand() as hand:
                await self._compute(hand, inputs, asker)

    async def _compute(self, hand: Hand, inputs: Mapping[str, Any], asker: Asker) -> None:
        operation = self._operation
        order = {"name": operation.name, "version": operation.code_version, "inputs": inputs}
        plan = await hand.plan(order)
        await self._note(plan)
        present = await results.ready(plan["key"], asker.principal)
        if present and await operation_runs.share(operation, present, self._progress):
            return
        result, is_mine = await results.claim(operation, plan["key"])
        if is_mine:
            await self._make(hand, order, result)
        elif result.state is not ResultState.READY:
            await operation_runs.wait_for(operation, result)
        elif not await operation_runs.share(operation, result, self._progress):
            raise Refused("The result of an equal operation was given up just now.", again=True)

    async def _note(self, plan: Mapping[str, Any]) -> None:
        limit = self._settings.data_memory_mib << 20
        await operation_runs.note_plan(self._operation, plan["key"], self._names, plan["peak_bytes"], plan["seconds"])
        if plan["peak_bytes"] > limit:
            needed = readable(plan["peak_bytes"])
            raise Refused(
                f"It would need about {needed} of memory and may use {readable(limit)}; give it less.",
                again=False,
            )

    async def _make(self, hand: Hand, order: Mapping[str, Any], result: Result) -> None:
        with self._laboratory.workshop.folder() as folder:
            done = await hand.compute({**order, "folder": folder}, self._settings.data_seconds, self._heed)
            self._tell(COMPUTED, "keeping")
            await keep(self._laboratory.storage, self._operation, result, done, folder, self._progress)

    def _heed(self, told: Mapping[str, Any]) -> None:
        if told["kind"] == "log":
            self._progress.lines.append(self._named(str(told["line"])))
            self._news = True
        elif told["kind"] == "progress":
            fraction = FETCHED + (COMPUTED - FETCHED) * told["fraction"]
            self._tell(fraction, self._named(told["phase"]), self._named(told["message"]))

    def _named(self, text: str) -> str:
        """Return what a process said with the names of this operation's own files."""
        return named(text, self._names)

    def _tell(self, fraction: float, phase: str, message: str = "") -> None:
        self._progress.fraction, self._progress.phase, self._progress.message = fraction, phase, message
        self._news = True


def _transient(error: BaseException) -> bool:
    return isinstance(error, CarrelError) and error.status >= 500


async def _ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks and wait for their end."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
