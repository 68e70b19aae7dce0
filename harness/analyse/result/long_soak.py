"""Judge a soak that was held by command: its step, memory, restarts, and how its response time drifted."""

from harness.analyse.step.baseline import Baseline
from harness.analyse.step.judge import judge_step
from harness.analyse.step.memory_kills import count_kills
from harness.analyse.step.p95_drift import measure_p95_drift
from harness.analyse.step.soak_memory import assess_soak_memory
from harness.analyse.step.time_series import build_series
from harness.analyse.step.window import cut_window
from harness.model import Cell, ContainerRun, EventKind, Plan, StepFacts
from harness.model.evidence import NotReady
from harness.model.trials import LongSoak

_RESTARTS = (EventKind.DIE, EventKind.RESTART)


def assess_long_soak(
    plan: Plan, cell: Cell, run: ContainerRun, facts: StepFacts | None, baseline: Baseline | None
) -> LongSoak | None:
    """Return what a soak has shown; None if it was interrupted, so that nothing is known of it.

    `baseline` is that of the cell's search, by which the window is judged.
    """
    if facts is None:
        if run.failure is None:
            return None
        return LongSoak(cell, 0, run.started_at, None, NotReady(run.failure))
    step = judge_step(facts, plan.slos, baseline, cell.limits, plan.timing)
    window = cut_window(facts, plan.timing.drain_s)
    return LongSoak(
        cell=cell,
        users=facts.users,
        started_at=run.started_at,
        step=step,
        evidence=step.judgement,
        memory=assess_soak_memory(facts, cell.limits.memory_bytes),
        drift=None if window is None else measure_p95_drift(window),
        restarts=_count_restarts(facts),
        series=build_series(facts),
    )


def _count_restarts(facts: StepFacts) -> int:
    """Return how often a process ended or was killed; one end may have several events, so the most counts."""
    ends = (sum(event.kind is kind for event in facts.events) for kind in _RESTARTS)
    return max(count_kills(facts), *ends)
