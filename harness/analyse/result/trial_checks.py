"""Check requirements on trials: that a size is steady again soon after a burst, that its memory is level."""

from collections.abc import Sequence

from harness.analyse.result.sizing import check_requirement
from harness.model import CampaignResult, Check, Requirement, Rule, Verdict
from harness.model.trials import (
    Burst,
    BurstOutcome,
    LongSoak,
    MemoryGrowth,
    Trial,
    TrialCheck,
    TrialRequirement,
)

_ENDS_EARLY = (Rule.DIED, Rule.DEPENDENCY_DIED, Rule.STALLED, Rule.ALL_FAILED)


def check_any_requirement(
    result: CampaignResult, requirement: Requirement | TrialRequirement
) -> Check | TrialCheck:
    """Check a requirement of either kind."""
    if isinstance(requirement, TrialRequirement):
        return check_trial(result, requirement)
    return check_requirement(result.cells, requirement)


def check_trial(result: CampaignResult, requirement: TrialRequirement) -> TrialCheck:
    """Check whether the last trial of some size that is meant meets the requirement.

    The size to take is meant, or with limits in the requirement each size within them. As long as no soak has
    held the size to take, a soak counts that broke the one that would be taken otherwise.
    """
    is_burst = requirement.recovers_within_s is not None
    trials: Sequence[Trial] = result.trials.bursts if is_burst else result.trials.soaks
    last = {trial.cell.limits: trial for trial in trials if _is_meant(result, requirement, trial)}
    if not last and not is_burst and requirement.max_limits is None:
        last = {each.cell.limits: each for each in result.trials.soaks if _has_broken_size(result, each)}
    outcomes = [(_is_met(requirement, trial), trial) for trial in last.values()]
    for wanted in (True, None, False):
        for is_met, trial in reversed(outcomes):
            if is_met is wanted:
                return TrialCheck(requirement, is_met, trial)
    return TrialCheck(requirement, None, None)


def _is_meant(result: CampaignResult, requirement: TrialRequirement, trial: Trial) -> bool:
    limits, most = trial.cell.limits, requirement.max_limits
    if most is None:
        recommended = result.sizing.recommended
        return recommended is not None and recommended.cell.limits == limits
    return (
        limits.total_cores <= most.total_cores
        and limits.total_bytes <= most.total_bytes
        and most.variant in (None, limits.variant)
    )


def _has_broken_size(result: CampaignResult, soak: LongSoak) -> bool:
    counting = (cell.soak for cell in result.cells if cell.cell.id == soak.cell.id)
    return any(
        each is not None and each.is_later and each.verdict is Verdict.FAIL and each.step == soak.step
        for each in counting
    )


def _is_met(requirement: TrialRequirement, trial: Trial) -> bool | None:
    if isinstance(trial, Burst):
        return _recovers_within(trial, requirement.recovers_within_s or 0.0)
    return _is_memory_level(trial)


def _recovers_within(burst: Burst, within_s: float) -> bool | None:
    """Return whether it was steady again in time; None if the burst does not tell, or was watched for less.

    A target that was slow to recover from less than was asked would not be faster after all of it.
    """
    if burst.outcome is BurstOutcome.BROKE:
        return False
    if burst.outcome is BurstOutcome.NOT_RECOVERED:
        return None if burst.watched_s < within_s else False
    if burst.steady_after_s is None:
        return None
    if burst.steady_after_s > within_s:
        return None if burst.later_doubt is not None else False
    return None if burst.doubt is not None else True


def _is_memory_level(soak: LongSoak) -> bool | None:
    """Return whether memory is level; None if the soak does not tell.

    A process that was killed for lack of memory had no level memory, whatever its floors say. One that ended
    before its time shows no more than that: the next one begins with little memory.
    """
    if soak.memory is None or soak.step is None:
        return None
    if soak.memory.growth is MemoryGrowth.GROWS or soak.step.target.is_out_of_memory:
        return False
    ended_early = bool(soak.restarts) or soak.step.rule in _ENDS_EARLY
    if ended_early or soak.step.verdict is Verdict.INVALID:
        return None
    return True if soak.memory.growth is MemoryGrowth.LEVEL else None
