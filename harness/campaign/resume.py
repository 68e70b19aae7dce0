"""Decide whether to resume a campaign or to start a new one, and open its folder."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.analyse.result.comparison import find_changed_parts, find_machine_differences
from harness.errors import StoreError, UsageError
from harness.model import EVENTS_FILE, CampaignState, Fingerprint, Plan
from harness.plan import plan_to_json
from harness.report import explain_machine_difference, name_part
from harness.store import CampaignFolder, hold_folder, is_held
from harness.store.ab_log import read_comparison


@contextlib.contextmanager
def open_campaign(
    resume: Path | None, results: Path, name: str, plan: Plan, fingerprint: Fingerprint
) -> Iterator[CampaignFolder]:
    """Reopen the campaign at `resume`, or create a new one; no other process measures into it until exit.

    Raises as `reopen_campaign` and `create_campaign` do, and UsageError if another process measures into it.
    """
    if resume is not None:
        with hold_folder(resume):
            yield reopen_campaign(resume, plan, fingerprint)
    else:
        folder = create_campaign(results, name, plan, fingerprint)
        with hold_folder(folder.path):
            yield folder


def create_campaign(results: Path, name: str, plan: Plan, fingerprint: Fingerprint) -> CampaignFolder:
    """Create the folder of a new campaign, with its plan and its fingerprint."""
    return CampaignFolder.create(results, name, plan_to_json(plan), fingerprint)


def find_unfinished_campaign(results: Path, plan: Plan, note: Callable[[str], None]) -> Path | None:
    """Return the folder of the newest campaign if that campaign is to be resumed for this plan, else None.

    A campaign is resumed if it was interrupted and its matrix, scenario and target are unchanged. `note` gets
    the decision about an interrupted campaign, and about one that can't be read.
    """

    def find_changes(folder: CampaignFolder) -> str | None:
        return describe_changes(folder, plan) if read_comparison(folder) is None else None

    folder = find_unfinished(results, "campaign", find_changes, note)
    if folder is None:
        return None
    note(f"going on with {folder.name}, which was interrupted (--fresh starts a new campaign)")
    return folder.path


def find_unfinished(
    results: Path,
    kind: str,
    find_changes: Callable[[CampaignFolder], str | None],
    note: Callable[[str], None],
) -> CampaignFolder | None:
    """Return the newest campaign if it was interrupted and goes on, else None.

    `kind` names what starts instead: a campaign or a comparison. `find_changes` returns what changed since
    the campaign started, an empty text if nothing did, and None if it is of another kind. `note` gets why an
    interrupted campaign does not go on, or why the newest one can't be read.
    """
    latest = results / "latest"
    if not (latest / EVENTS_FILE).is_file():
        return None
    folder = CampaignFolder.open(latest)
    try:
        changed = None if folder.read_log().state is CampaignState.COMPLETE else find_changes(folder)
    except StoreError as error:
        note(f"the newest campaign can't be read ({error.what}): starting a new {kind}")
        return None
    if changed is None:
        return None
    if is_held(folder.path):
        reason = "is being measured by another harness"
    elif changed:
        reason = f"was interrupted, but {changed} changed since"
    else:
        return folder
    note(f"{folder.name} {reason}: starting a new {kind}")
    return None


def reopen_campaign(path: Path, plan: Plan, fingerprint: Fingerprint) -> CampaignFolder:
    """Open a stored campaign to resume it.

    Raises UsageError if the plan or the machines have changed: old and new steps could not be compared.
    """
    folder = CampaignFolder.open(path)
    require_same_plan(folder, plan)
    hint = "resume it on that machine, or run with --fresh for a new campaign here"
    refuse_other_machine(folder, fingerprint, hint)
    folder.mark_resumed()
    return folder


def require_same_plan(folder: CampaignFolder, plan: Plan) -> None:
    """Raise UsageError if the matrix, the scenario or the target has changed since the campaign started."""
    if changed := describe_changes(folder, plan):
        raise UsageError(
            f"{folder.path}: {changed} changed since this campaign started",
            "run with --fresh for a new campaign, or undo the change",
        )


def refuse_other_machine(folder: CampaignFolder, fingerprint: Fingerprint, hint: str) -> None:
    """Raise UsageError with this hint if the campaign was measured on another machine than this one."""
    if differences := find_machine_differences(folder.read_fingerprint(), fingerprint):
        explanations = "; ".join(explain_machine_difference(each) for each in differences)
        raise UsageError(f"{folder.path}: this campaign was started on another machine: {explanations}", hint)


def describe_changes(folder: CampaignFolder, plan: Plan) -> str:
    """Return the changed parts of the plan, such as "the matrix and the target"; empty if none changed."""
    changed_parts = find_changed_parts(folder.read_plan().get("hashes", {}), plan.hashes)
    return " and ".join(name_part(part) for part in changed_parts)
