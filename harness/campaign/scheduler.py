"""Run the workers of all engines until every cell is measured: one engine directly, several in threads."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

from harness.campaign.engine_worker import EngineWorker
from harness.campaign.listener import CampaignListener
from harness.campaign.session import CampaignSession, StopRequested
from harness.errors import EngineUnavailableError
from harness.measure.session import Backends
from harness.model import CampaignResult, CampaignState, Plan
from harness.store import CampaignFolder


class Scheduler:
    """The workers of all engines in `backends`, which measure one plan together.

    `now_s` times the reports.
    """

    def __init__(
        self,
        plan: Plan,
        folder: CampaignFolder,
        backends: Mapping[str | None, Backends],
        listener: CampaignListener,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        most_cores = {engine: each.most_cores for engine, each in backends.items()}
        self._session = CampaignSession(plan, folder, listener, most_cores, now_s)
        self._workers = [EngineWorker(self._session, each, engine) for engine, each in backends.items()]

    def run(self) -> CampaignResult:
        """Measure every unfinished cell, hold the reference cell and the size to take, and return the answer.

        If an error or the user interrupts this, the reports show what was measured until then.
        """
        state = CampaignState.INTERRUPTED
        try:
            if len(self._workers) == 1:
                self._workers[0].run()
            else:
                self._run_in_threads()
            state = CampaignState.COMPLETE
        finally:
            result = self._session.finish(state)
        return result

    def _run_in_threads(self) -> None:
        """Run each worker in a thread. An error in one of them ends all, except the loss of its engine."""
        with ThreadPoolExecutor(len(self._workers), thread_name_prefix="harness-engine") as pool:
            running: list[Future[None]] = [pool.submit(self._run_worker, worker) for worker in self._workers]
            try:
                wait(running, return_when=FIRST_EXCEPTION)
            finally:
                self._session.stop()
        for future in running:
            error = future.exception()
            if error is not None and not isinstance(error, StopRequested):
                raise error

    def _run_worker(self, worker: EngineWorker) -> None:
        try:
            worker.run()
        except EngineUnavailableError as error:
            self._session.lose_engine(worker.engine, error)
