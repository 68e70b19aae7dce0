"""Judge a burst: whether the target survived it, when it was steady again, and whether that can be told."""

from collections.abc import Sequence
from dataclasses import replace

from harness.analyse.step.baseline import Baseline
from harness.analyse.step.burst_recovery import find_steady_after_s, has_reference, summarize_parts
from harness.analyse.step.judge import judge_step
from harness.analyse.step.memory_kills import check_killed_process
from harness.analyse.step.scenario_errors import summarize_user_ends
from harness.analyse.step.time_series import build_series
from harness.analyse.step.validity import find_disturbance, judge_validity
from harness.model import (
    Cell,
    ContainerRun,
    EndReason,
    Judgement,
    Plan,
    Rule,
    Series,
    StepFacts,
    StepResult,
    TargetSample,
    Verdict,
)
from harness.model.evidence import DriftEvidence, EndedStep, NotReady
from harness.model.facts import BurstFacts
from harness.model.task_evidence import UsersLost
from harness.model.trials import Burst, BurstOutcome

_ENDINGS = {EndReason.TARGET_DIED: Rule.DIED, EndReason.DEPENDENCY_DIED: Rule.DEPENDENCY_DIED}

_LAST_S = 2.0
"""The last seconds of a step, in which all of its users must be there."""


def assess_burst(
    plan: Plan, cell: Cell, run: ContainerRun, facts: StepFacts | None, baseline: Baseline | None
) -> Burst | None:
    """Return what a burst has shown; None if it was interrupted, so that nothing is known of it.

    `baseline` is that of the cell's search, by which the users before the burst are judged.
    """
    if facts is None:
        if run.failure is None:
            return None
        return Burst(cell, 0, 0, run.started_at, BurstOutcome.UNTOLD, NotReady(run.failure))
    if facts.burst is None:
        return None
    burst = facts.burst
    outcome, evidence = _judge(plan, cell, facts, burst, baseline)
    before, during, after = summarize_parts(facts)
    return Burst(
        cell=cell,
        users=facts.users,
        burst_users=burst.users,
        started_at=run.started_at,
        outcome=outcome,
        evidence=evidence,
        held_s=during.length_s if during else 0.0,
        before=before,
        during=during,
        after=after,
        steady_after_s=find_steady_after_s(facts) if outcome is BurstOutcome.RECOVERED else None,
        watched_s=after.length_s if after else 0.0,
        doubt=_find_burst_doubt(facts, burst),
        later_doubt=_find_later_doubt(plan, facts, burst),
        series=_mark_burst(facts, burst),
    )


def _judge(
    plan: Plan, cell: Cell, facts: StepFacts, burst: BurstFacts, baseline: Baseline | None
) -> tuple[BurstOutcome, DriftEvidence | None]:
    """Return the outcome, with the evidence for what broke or why nothing is told."""
    if burst.from_s is None:
        return BurstOutcome.UNTOLD, judge_step(facts, plan.slos, baseline, cell.limits, plan.timing).judgement
    before = _judge_before(plan, cell, facts, burst.from_s, baseline)
    if before.verdict is not Verdict.PASS and not before.rule.lacks_requests:
        return BurstOutcome.UNTOLD, before.judgement
    if facts.end_reason is not EndReason.HELD:
        return _judge_early_end(plan, cell, facts)
    if (killed := check_killed_process(facts)) is not None:
        return BurstOutcome.BROKE, killed
    if not has_reference(facts):
        return BurstOutcome.UNTOLD, None
    if find_steady_after_s(facts) is not None:
        return BurstOutcome.RECOVERED, None
    doubt = _find_burst_doubt(facts, burst) or _find_later_doubt(plan, facts, burst)
    return (BurstOutcome.NOT_RECOVERED, None) if doubt is None else (BurstOutcome.UNTOLD, doubt)


def _judge_before(
    plan: Plan, cell: Cell, facts: StepFacts, from_s: float, baseline: Baseline | None
) -> StepResult:
    """Judge the part of the window before the burst like a step."""
    before = replace(
        facts,
        window_to_s=from_s,
        end_reason=EndReason.HELD,
        note="",
        events=tuple(event for event in facts.events if event.at_s < from_s),
        target=_select_until(facts.target, from_s),
        companions={
            name: replace(companion, samples=_select_until(companion.samples, from_s))
            for name, companion in facts.companions.items()
        },
    )
    return judge_step(before, plan.slos, baseline, cell.limits, plan.timing)


def _select_until(samples: Sequence[TargetSample], to_s: float) -> tuple[TargetSample, ...]:
    return tuple(sample for sample in samples if sample.at_s <= to_s)


def _judge_early_end(plan: Plan, cell: Cell, facts: StepFacts) -> tuple[BurstOutcome, DriftEvidence]:
    """Judge a burst whose target ended, or whose load did: the host or the generator may have caused it."""
    invalid = judge_validity(facts, None, None, plan.slos, cell.limits)
    if invalid is not None or facts.end_reason not in _ENDINGS:
        return BurstOutcome.UNTOLD, invalid or Judgement(Rule.REMOVED, EndedStep(facts.note))
    return BurstOutcome.BROKE, Judgement(_ENDINGS[facts.end_reason], EndedStep(facts.note))


def _find_burst_doubt(facts: StepFacts, burst: BurstFacts) -> Judgement | None:
    """Return why the burst was perhaps not what was asked; None if it was."""
    if burst.from_s is None or burst.to_s is None:
        return None
    return _find_missing_users(facts, burst.from_s, burst.to_s, burst.users) or find_disturbance(
        facts, burst.from_s, burst.to_s
    )


def _find_later_doubt(plan: Plan, facts: StepFacts, burst: BurstFacts) -> Judgement | None:
    """Return what may have kept the target from being steady again, if it was not the target itself."""
    if burst.to_s is None:
        return None
    return find_disturbance(facts, burst.to_s, facts.ended_s, plan.slos) or _find_missing_users(
        facts, facts.ended_s - _LAST_S, facts.ended_s, facts.users
    )


def _find_missing_users(facts: StepFacts, from_s: float, to_s: float, users: int) -> Judgement | None:
    """Return that so many users were never there at once within a time."""
    most = max((sample.users for sample in facts.generator if from_s <= sample.at_s <= to_s), default=users)
    return Judgement(Rule.USERS, UsersLost(most, users, summarize_user_ends(facts))) if most < users else None


def _mark_burst(facts: StepFacts, burst: BurstFacts) -> Series:
    """Return the step over time, with the burst as the part that is shaded."""
    series = build_series(facts)
    if burst.from_s is None:
        return replace(series, window=None)
    to_s = facts.ended_s if burst.to_s is None else burst.to_s
    return replace(series, window=(burst.from_s - facts.ramp_from_s, to_s - facts.ramp_from_s))
