"""From a cell's lives and judged steps to its answer.

Derived again whenever it is needed; never stored as truth.
"""

from collections.abc import Sequence

from harness.analyse.result.estimate import Estimate, estimate
from harness.analyse.result.limiting_factor import limiting_factor
from harness.analyse.search.belief import percentile_slo
from harness.analyse.search.bracket import Bracket, bracket, spoiled_twice
from harness.model import Cell, CellResult, ContainerRun, Factor, Slo, Status, StepResult, Verdict


def capacity(
    cell: Cell,
    users_limit: int,
    slos: Sequence[Slo],
    lives: Sequence[ContainerRun],
    steps: Sequence[StepResult],
    *,
    done: bool,
    skipped: str | None = None,
) -> CellResult:
    """The cell's result; `running` until its search is done, whatever is known so far."""
    known, ready_s = bracket(steps), [life.ready_after_s for life in lives]
    beside_s = [life.companions_ready_after_s for life in lives if life.companions_ready_after_s is not None]
    status = _status(known, users_limit, lives, steps, done=done, skipped=skipped)
    held = _last_at(steps, known.sustained_users, Verdict.PASS)
    broken = _last_at(steps, known.broken_users, Verdict.FAIL)
    fitted = _estimate(held, broken, slos, steps) if status is Status.BRACKETED else None
    factor, evidence = _why(cell, status, known, lives, steps, skipped)
    return CellResult(
        cell=cell,
        status=status,
        sustained_users=known.sustained_users,
        broken_users=known.broken_users,
        estimate_users=fitted.users if fitted else None,
        estimate_low=fitted.low if fitted else None,
        estimate_high=fitted.high if fitted else None,
        limiting_factor=factor,
        evidence=evidence,
        rps=held.rps if held else None,
        p95_s=held.p95_s if held else None,
        error_ratio=held.error_ratio if held else None,
        cpu_used_cores=held.cpu_used_cores if held else None,
        throttled_ratio=held.throttled_ratio if held else None,
        memory_peak_bytes=held.memory_peak_bytes if held else None,
        ready_after_s=next((seconds for seconds in ready_s if seconds is not None), None),
        companions_ready_after_s=max(beside_s, default=None),
        load_s=sum(step.load_s for step in steps),
        steps=tuple(steps),
        cut_short=(_cut_short(lives, steps) or "") if status is Status.BRACKETED else "",
    )


def _estimate(
    held: StepResult | None, broken: StepResult | None, slos: Sequence[Slo], steps: Sequence[StepResult]
) -> Estimate | None:
    """The fit, by the slow share where it was a percentile that broke, else by the bracket alone."""
    if held is None or broken is None:
        return None
    return estimate(held, broken, percentile_slo(slos), steps)


def _status(
    known: Bracket,
    users_limit: int,
    lives: Sequence[ContainerRun],
    steps: Sequence[StepResult],
    *,
    done: bool,
    skipped: str | None,
) -> Status:
    if skipped is not None:
        return Status.SKIPPED
    if not done:
        return Status.RUNNING
    if _never_came_up(lives, steps):
        return Status.FAILED
    if known.sustained_users == users_limit:
        return Status.CENSORED
    if known.sustained_users is not None and known.broken_users is not None:
        return Status.BRACKETED
    if known.broken_users is None or _cut_short(lives, steps):
        return Status.INVALID
    return Status.NONE


def _cut_short(lives: Sequence[ContainerRun], steps: Sequence[StepResult]) -> str | None:
    """Why the search ended before it had all that it asks for; None where it did not."""
    if spoiled_twice(steps):
        return steps[-1].reason
    failures = [life.failure for life in lives if life.failure]
    return f"it did not come up again: {failures[-1]}" if steps and len(failures) > 1 else None


def _never_came_up(lives: Sequence[ContainerRun], steps: Sequence[StepResult]) -> bool:
    """No life gave a step, or the very first step showed that it answers nothing right."""
    return (not steps and any(life.failure for life in lives)) or (
        bool(steps) and steps[0].rule == "all-failed"
    )


def _why(
    cell: Cell,
    status: Status,
    known: Bracket,
    lives: Sequence[ContainerRun],
    steps: Sequence[StepResult],
    skipped: str | None,
) -> tuple[Factor | None, str]:
    if status is Status.SKIPPED:
        return None, skipped or ""
    if status is Status.FAILED:
        return _why_failed(lives, steps)
    if status is Status.INVALID:
        return _why_invalid(lives, steps)
    broken = _last_at(steps, known.broken_users, Verdict.FAIL)
    if broken is None:
        return None, "it sustained every number of users asked for" if status is Status.CENSORED else ""
    return limiting_factor(cell, broken, steps)


def _why_failed(lives: Sequence[ContainerRun], steps: Sequence[StepResult]) -> tuple[Factor | None, str]:
    failed = next((life for life in lives if life.failure), None)
    if failed is None:
        return Factor.ERRORS, steps[0].reason
    return (Factor.MEMORY if failed.failure_kind == "oom" else None), failed.failure or ""


def _why_invalid(lives: Sequence[ContainerRun], steps: Sequence[StepResult]) -> tuple[Factor | None, str]:
    spoiled = next((step for step in reversed(steps) if step.verdict is Verdict.INVALID), None)
    if spoiled is None:
        return None, _cut_short(lives, steps) or "nothing was measured"
    host_rules = ("steal", "foreign-load", "removed", "suspended")
    return (Factor.HOST if spoiled.rule in host_rules else Factor.GENERATOR), spoiled.reason


def _last_at(steps: Sequence[StepResult], users: int | None, verdict: Verdict) -> StepResult | None:
    return next((step for step in reversed(steps) if step.users == users and step.verdict is verdict), None)
