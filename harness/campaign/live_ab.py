"""Store what `harness watch` shows of a running comparison of two versions, and its files after each pair."""

import contextlib
from collections.abc import Sequence

from harness.campaign.ab_listener import AbListener
from harness.campaign.ab_windows import Pilot
from harness.campaign.live import StepRecorder
from harness.campaign.stored_ab import build_record
from harness.errors import StoreError
from harness.model import Cell, Plan, Status, StepResult
from harness.model.ab import AbAnswer, AbOutcome, AbRecord, AbTest, Pair
from harness.model.live import LiveCampaign, LiveComparison, LivePair, LiveSize
from harness.report import render_ab
from harness.report.view.ab import build_ab_view
from harness.report.view.ab_pairs import PairRow, build_pair_rows
from harness.report.view.curves import find_p95_limit
from harness.report.view.text import clean_text, format_size
from harness.store import CampaignFolder
from harness.store.ab_log import read_comparison


class ComparisonRecorder(StepRecorder, AbListener):
    """Stores the window in progress of a comparison and its pairs, and passes everything on to `listener`."""

    def __init__(
        self, listener: AbListener, folder: CampaignFolder, plan: Plan, base: str, head: str
    ) -> None:
        super().__init__(listener, folder, plan.cells)
        self._ab_listener = listener
        self._folder = folder
        self._plan = plan
        self._started_at = folder.read_log().started_at
        self._pairs: list[Pair] = []
        self._writer.close()
        size = format_size(plan.cells[0].limits.drop_variant())
        self._write(
            f"base {clean_text(base)} and head {clean_text(head)} at {size}",
            "A pilot finds out with how many users, and how long the windows are.",
        )

    def container_starting(self, cell: Cell) -> None:
        """Store that a window waits for its container, and remove the one before."""
        for each in self._plan.cells:
            self._writer.end_step(each.id)
        super().container_starting(cell)

    def step_judged(self, cell: Cell, result: StepResult) -> None:
        """Remove the window, whose facts are stored."""
        self._ab_listener.step_judged(cell, result)
        self._writer.end_step(cell.id)

    def pilot_finished(self, test: AbTest, pilot: Pilot) -> None:
        """Store what is compared."""
        self._ab_listener.pilot_finished(test, pilot)
        self._store(AbAnswer(test, AbOutcome.UNDECIDED))

    def comparison_resumed(self, pairs: Sequence[Pair], answer: AbAnswer) -> None:
        """Store the pairs that were there before."""
        self._ab_listener.comparison_resumed(pairs, answer)
        self._pairs = list(pairs)
        self._store(answer)

    def pair_finished(self, pair: Pair, answer: AbAnswer) -> None:
        """Store the pair, and write the files of the comparison so far."""
        self._pairs.append(pair)
        self._store(answer)
        self._ab_listener.pair_finished(pair, answer)

    def _store(self, answer: AbAnswer) -> None:
        """Store the answer so far. A disk that is full ends no measurement."""
        with contextlib.suppress(StoreError):
            record = self._build_record(answer)
            if self._pairs:
                self._folder.write_reports(render_ab(record))
            view = build_ab_view(answer)
            self._write(view.title, view.sentence, build_pair_rows(record))

    def _build_record(self, answer: AbAnswer) -> AbRecord:
        stored = read_comparison(self._folder)
        windows = None if stored is None else stored.windows
        return build_record(self._folder, self._plan, answer, tuple(self._pairs), windows)

    def _write(self, title: str, answer: str, rows: Sequence[PairRow] = ()) -> None:
        plan = self._plan
        self._writer.write_campaign(
            LiveCampaign(
                self._folder.name,
                clean_text(plan.target.name),
                self._started_at,
                plan.users_limit,
                find_p95_limit(plan.slos),
                tuple(LiveSize(cell.id, cell.limits, Status.RUNNING) for cell in plan.cells),
                comparison=LiveComparison(title, answer, tuple(map(_build_pair, rows))),
            )
        )


def _build_pair(row: PairRow) -> LivePair:
    cpu = {window.side: window.cpu for window in row.windows}
    return LivePair(row.number, cpu["base"], cpu["head"], row.at_one_pace, row.meaning)
