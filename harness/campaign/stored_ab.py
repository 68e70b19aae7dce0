"""Read a stored comparison of two versions again: to judge it, to write its files, or to go on with it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from harness.analyse.result.ab import assess_ab, measure_changes
from harness.analyse.step.judge import judge_step
from harness.campaign.resume import describe_changes, find_unfinished
from harness.errors import UsageError
from harness.model import Cell, Plan
from harness.model.ab import AbAnswer, AbRecord, AbWindows, Held, Pair, Side
from harness.plan import plan_from_json
from harness.store import CampaignFolder
from harness.store.ab_log import StoredComparison, StoredHeld, read_comparison


def find_sides(plan: Plan) -> Mapping[Side, Cell]:
    """Return the plan's two cells by their sides. Raises UsageError if it is no plan of a comparison."""
    cells = {cell.limits.variant: cell for cell in plan.cells}
    try:
        return {side: cells[side.value] for side in Side}
    except KeyError as error:
        raise UsageError(f"the plan has no {error.args[0]}", "restore plan.json, or compare again") from None


def find_unfinished_comparison(
    results: Path, plan: Plan, is_asked: Callable[[StoredComparison], bool], note: Callable[[str], None]
) -> Path | None:
    """Return the folder of the newest campaign if it is a comparison to go on with, else None.

    It is if it was interrupted after its pilot, asked the same (`is_asked`), and its matrix, scenario and
    target are unchanged. `note` gets the decision about an interrupted comparison, and about a campaign that
    can't be read.
    """

    def find_changes(folder: CampaignFolder) -> str | None:
        stored = read_comparison(folder)
        if stored is None or stored.windows is None:
            return None
        return describe_changes(folder, plan) if is_asked(stored) else "what is asked"

    folder = find_unfinished(results, "comparison", find_changes, note)
    stored = None if folder is None else read_comparison(folder)
    if folder is None or stored is None:
        return None
    held = f"{len(stored.pairs)} pair{'' if len(stored.pairs) == 1 else 's'}"
    note(f"going on with {folder.name}, interrupted after {held} (--fresh starts a new comparison)")
    return folder.path


def read_pairs(folder: CampaignFolder, stored: StoredComparison, plan: Plan) -> tuple[Pair, ...]:
    """Return the pairs of a stored comparison, judged again from their facts."""
    cells = find_sides(plan)

    def judge(side: Side, held: StoredHeld) -> Held:
        if held.file is None:
            return Held(failure=held.failure)
        facts = folder.read_step(held.file)
        return Held(judge_step(facts, plan.slos, None, cells[side].limits, plan.timing))

    return tuple(
        Pair(
            each.number,
            judge(Side.BASE, each.base),
            judge(Side.HEAD, each.head),
            each.ended_s,
            each.is_final,
        )
        for each in stored.pairs
    )


def build_record(
    folder: CampaignFolder,
    plan: Plan,
    answer: AbAnswer,
    pairs: tuple[Pair, ...],
    windows: AbWindows | None,
) -> AbRecord:
    """Return all that the files of a comparison say."""
    started_at = folder.read_log().started_at
    changes = measure_changes(pairs)
    return AbRecord(plan.target.name, folder.name, started_at, answer, pairs, changes, windows)


def rejudge_ab(folder: CampaignFolder) -> AbRecord | None:
    """Return a stored comparison, judged again from its facts; None if the campaign is none."""
    stored = read_comparison(folder)
    if stored is None:
        return None
    plan = plan_from_json(folder.read_plan())
    pairs = read_pairs(folder, stored, plan)
    return build_record(folder, plan, assess_ab(stored.test, pairs), pairs, stored.windows)
