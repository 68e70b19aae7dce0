"""Walks the cells: which one is next, and for whom. Goes on where it was left."""

import threading
from collections.abc import Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

from harness.analyse.search.demand import next_size
from harness.analyse.search.order import measuring_order
from harness.campaign.engine_worker import Hand
from harness.campaign.session import Desk, Narrator
from harness.errors import EngineGone
from harness.measure.session import World
from harness.model import CampaignResult, Cell, Plan, Status
from harness.store import CampaignFolder

__all__ = ["Campaign", "Narrator"]


class Campaign:
    """One go through the matrix, on one engine or, by their names, on several at once.

    `run` measures what is not yet stored; `result` is the answer as far as it is known.
    """

    def __init__(
        self, plan: Plan, folder: CampaignFolder, world: World | Mapping[str, World], narrator: Narrator
    ) -> None:
        worlds = {"": world} if isinstance(world, World) else world
        self._desk = Desk(plan, folder, narrator)
        self._hands = [Hand(self._desk, each, name) for name, each in worlds.items()]
        self._clock = self._hands[0].world.clock
        self._changed = threading.Condition(self._desk.lock)
        self._claimed: set[str] = set()
        self._lost: set[str] = set()

    def run(self) -> CampaignResult:
        """Measure every cell that is not done, then hold the reference cell once more on each engine.

        Whatever interrupts it, what was measured is stored and drawn.
        """
        state = "interrupted"
        try:
            if len(self._hands) == 1:
                self._work(self._hands[0])
            else:
                self._work_together()
            state = "complete"
        finally:
            self._desk.folder.finish(state)
            self._desk.draw(state, self._clock)
        return self.result(state)

    def result(self, state: str) -> CampaignResult:
        return self._desk.result(state)

    def _work(self, hand: Hand) -> None:
        hand.prepare()
        while (cell := self._take()) is not None:
            try:
                hand.measure(cell)
            finally:
                self._give(cell)
        hand.confirm()

    def _work_together(self) -> None:
        """A thread for each engine. What ends one of them ends all, but for an engine that is lost."""
        with ThreadPoolExecutor(len(self._hands), thread_name_prefix="harness-engine") as pool:
            at_work: list[Future[None]] = [pool.submit(self._work_or_lose, hand) for hand in self._hands]
            try:
                wait(at_work, return_when=FIRST_EXCEPTION)
            finally:
                with self._changed:
                    self._desk.is_stopping = any(not each.done() or each.exception() for each in at_work)
                    self._changed.notify_all()
        errors = [error for each in at_work if (error := each.exception()) is not None]
        for error in sorted(errors, key=lambda error: isinstance(error, KeyboardInterrupt)):
            raise error

    def _work_or_lose(self, hand: Hand) -> None:
        """The cells of an engine that is gone for good go to the others; the last one's loss is the end."""
        try:
            self._work(hand)
        except EngineGone as error:
            with self._changed:
                self._lost.add(hand.engine)
                if len(self._lost) == len(self._hands):
                    raise
                self._desk.note((f"the engine {hand.engine} is lost ({error.what}); the others go on",))
                self._changed.notify_all()

    def _take(self) -> Cell | None:
        """A cell that nobody measures; None when all are done. What others find out may make further ones."""
        with self._changed:
            while not self._desk.is_stopping:
                if (cell := self._next_cell()) is not None:
                    self._claimed.add(cell.id)
                    return cell
                if not self._claimed:
                    return None
                self._changed.wait()
            raise KeyboardInterrupt

    def _give(self, cell: Cell) -> None:
        with self._changed:
            self._claimed.discard(cell.id)
            self._changed.notify_all()

    def _next_cell(self) -> Cell | None:
        """The whole surface in an order that helps its search, or what a demand still needs to know; then
        what contradicts a smaller size.
        """
        plan, memory = self._desk.plan, self._desk.memory
        results = {result.cell.id: result for result in memory.results(plan)}
        free = [cell for cell in plan.cells if cell.id not in self._claimed]
        if plan.users_required is not None:
            found = next_size(free, results, plan.users_required)
        else:
            order = measuring_order(free)
            found = next((cell for cell in order if results[cell.id].status is Status.RUNNING), None)
        if found is not None or self._claimed:
            return found
        return memory.again(plan)
