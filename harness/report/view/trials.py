"""Put the trials of a size into words: when it was steady again after a burst, and what a soak has shown."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.model import MIB, Limits, Series, Verdict
from harness.model.trials import (
    Burst,
    BurstOutcome,
    BurstPart,
    LongSoak,
    MemoryGrowth,
    ResponseDrift,
    SoakMemory,
    Trial,
    TrialCheck,
    Trials,
)
from harness.report.view import text
from harness.report.view.explanations import explain_evidence, explain_judgement

_YEAR_S, _DAY_S, _HOUR_S = 365 * 86400.0, 86400.0, 3600.0


@dataclass(frozen=True, slots=True)
class PartView:
    """What the users met before, during or after a burst."""

    name: str
    requests: str
    errors: str
    rps: str
    p95: str
    worst: str


@dataclass(frozen=True, slots=True)
class TrialView:
    """A trial in words. `verdict` is empty for a burst; `limits` and `series` are for its chart."""

    id: str
    size: str
    title: str
    outcome: str
    words: str
    users: int
    verdict: str
    parts: tuple[PartView, ...] = ()
    limits: Limits = field(default_factory=lambda: Limits(1.0, MIB), repr=False)
    series: Series | None = field(default=None, repr=False)


def build_trial_views(trials: Trials) -> tuple[TrialView, ...]:
    """Return all trials in words, the bursts first, each kind in the order in which they were held."""
    everything: tuple[Trial, ...] = (*trials.bursts, *trials.soaks)
    return tuple(_build_view(f"trial-{number}", trial) for number, trial in enumerate(everything, 1))


def _build_view(trial_id: str, trial: Trial) -> TrialView:
    is_burst = isinstance(trial, Burst)
    return TrialView(
        id=trial_id,
        size=text.format_size(trial.cell.limits),
        title=f"{'Burst' if is_burst else 'Soak'} of {text.format_timestamp(trial.started_at)}",
        outcome=summarize_trial(trial),
        words=describe_trial(trial),
        users=trial.users,
        verdict="" if isinstance(trial, Burst) or trial.step is None else trial.step.verdict.value,
        parts=_build_parts(trial) if isinstance(trial, Burst) else (),
        limits=trial.cell.limits,
        series=trial.series,
    )


def _build_parts(burst: Burst) -> tuple[PartView, ...]:
    named = (("Before", burst.before), ("In the burst", burst.during), ("After it", burst.after))
    return tuple(
        PartView(
            name,
            text.format_count(part.requests),
            text.format_count(part.errors),
            text.format_rate(part.rps),
            text.format_seconds(part.p95_s),
            text.format_seconds(part.worst_s),
        )
        for name, part in named
        if part is not None
    )


def summarize_trial(trial: Trial) -> str:
    """Return the outcome in few words: "steady again after 15 s", "memory level"."""
    if isinstance(trial, LongSoak):
        return _summarize_soak(trial)
    match trial.outcome:
        case BurstOutcome.RECOVERED:
            return f"steady again {_format_recovery(trial)}"
        case BurstOutcome.NOT_RECOVERED:
            return f"not steady again within {text.format_duration(trial.watched_s)}"
        case BurstOutcome.BROKE:
            return "broke"
        case BurstOutcome.UNTOLD:
            return "tells nothing"


def _summarize_soak(soak: LongSoak) -> str:
    if soak.step is None:
        return "did not come up"
    memory = soak.memory
    words = "memory not known" if memory is None else _MEMORY_WORDS[memory.growth]
    return words if soak.step.verdict is Verdict.PASS else f"{soak.step.verdict.value}, {words}"


_MEMORY_WORDS = {
    MemoryGrowth.LEVEL: "memory level",
    MemoryGrowth.GROWS: "memory grows",
    MemoryGrowth.SLOWS: "memory still fills up",
    MemoryGrowth.UNTOLD: "memory not known to be level",
}


def describe_trial(trial: Trial) -> str:
    """Return a trial in one paragraph, without characters that could harm."""
    sentences = _describe_burst(trial) if isinstance(trial, Burst) else _describe_soak(trial)
    return text.clean_text(" ".join(sentences))


def describe_trial_check(check: TrialCheck) -> str:
    """Return whether a requirement on a trial is met, with the trial that decides it."""
    outcome = {True: "met", False: "NOT MET", None: "INCONCLUSIVE"}[check.is_met]
    requirement = text.clean_text(check.requirement.text)
    if check.decided_by is not None:
        return f"{outcome}: {requirement}: {describe_trial(check.decided_by)}"
    kind = "burst" if check.requirement.recovers_within_s is not None else "soak"
    whose = "the size to take" if check.requirement.max_limits is None else "any size within these bounds"
    return f"{outcome}: {requirement}: `harness {kind}` has not held {whose} yet"


# A burst


def _describe_burst(burst: Burst) -> Iterator[str]:
    size = text.format_size(burst.cell.limits)
    if not burst.users:
        reason = explain_evidence(burst.evidence)
        yield f"A burst of {size} tells nothing: it did not come up again ({reason})."
        return
    yield (
        f"{size} under a burst: {text.format_users(burst.users)}, then "
        f"{text.format_count(burst.burst_users)} for {text.format_duration(burst.held_s)}."
    )
    yield _describe_recovery(burst)
    if burst.outcome is BurstOutcome.RECOVERED and burst.steady_after_s and burst.later_doubt is not None:
        yield f"It may not be the target that took so long: {explain_judgement(burst.later_doubt)}."
    if burst.during is not None:
        yield f"In the burst {_describe_part(burst.during)}."
    if burst.after is not None and burst.after.errors:
        yield f"After it {_describe_part(burst.after)}."
    if burst.before is not None and burst.before.requests:
        yield f"Before it {_describe_part(burst.before)}."
    if burst.doubt is not None and burst.is_told:
        yield f"The burst may have been less than was asked: {explain_judgement(burst.doubt)}."


def _describe_recovery(burst: Burst) -> str:
    match burst.outcome:
        case BurstOutcome.RECOVERED:
            return f"It was steady again {_format_recovery(burst)}."
        case BurstOutcome.NOT_RECOVERED:
            return f"It was not steady again in the {text.format_duration(burst.watched_s)} after they left."
        case BurstOutcome.BROKE:
            return f"It broke: {explain_evidence(burst.evidence)}."
        case BurstOutcome.UNTOLD:
            return f"This tells nothing: {_explain_untold(burst)}."


def _explain_untold(burst: Burst) -> str:
    reason = explain_evidence(burst.evidence)
    if burst.evidence is None:
        return "too few requests ended well before it to tell what is usual"
    has_begun = burst.during is not None
    is_before = has_begun and burst.evidence not in (burst.doubt, burst.later_doubt)
    return f"with the users of before, {reason}" if is_before and burst.after is not None else reason


def _format_recovery(burst: Burst) -> str:
    after_s = burst.steady_after_s or 0.0
    return f"{text.format_duration(after_s)} after they left" if after_s else "as soon as they left"


def _describe_part(part: BurstPart) -> str:
    """Return the errors, the p95 and the longest response time: "2.1 % of 9 120 requests failed, p95 …"."""
    if not part.requests:
        waited = f": somebody waited for {text.format_seconds(part.worst_s)}" if part.worst_s else ""
        return f"no request was answered{waited}"
    share = part.errors / part.requests
    failed = f"{text.format_ratio(share)} of" if part.errors else "none of"
    worst = f"{text.format_seconds(part.worst_s)} at worst"
    times = worst if part.p95_s is None else f"p95 {text.format_seconds(part.p95_s)} and {worst}"
    return f"{failed} {text.format_count(part.requests)} requests failed, with {times}"


# A soak


def _describe_soak(soak: LongSoak) -> Iterator[str]:
    size = text.format_size(soak.cell.limits)
    if soak.step is None:
        yield f"A soak of {size} tells nothing: it did not come up again ({explain_evidence(soak.evidence)})."
        return
    users, held = text.format_users(soak.users), text.format_duration(soak.step.window_s)
    yield f"{size} held with {users} for {held}: {_describe_verdict(soak)}."
    if soak.memory is not None:
        yield f"{_describe_memory(soak.memory, soak.cell.limits.memory_bytes)}."
    if soak.drift is not None:
        yield f"{_describe_drift(soak.drift, soak.step.window_s)}."
    times = text.format_times(soak.restarts)
    yield f"A process of it ended {times}." if soak.restarts else "No process of it ended."


def _describe_verdict(soak: LongSoak) -> str:
    verdict, reason = (soak.step.verdict if soak.step else Verdict.INVALID), explain_evidence(soak.evidence)
    match verdict:
        case Verdict.PASS:
            return f"every SLO holds ({reason})" if reason else "every SLO holds"
        case Verdict.FAIL:
            return f"it failed ({reason})"
        case Verdict.INVALID:
            return f"it tells nothing of the target ({reason})"


def _describe_memory(memory: SoakMemory, limit_bytes: int) -> str:
    used = f"{text.format_mebibytes(memory.end_bytes)} of {text.format_mebibytes(limit_bytes)}"
    low, high = (_format_growth(end) for end in memory.growth_interval)
    grows = memory.growth_interval[1] > 0
    at_most = f"at most {high} MiB a minute is likely" if grows else "it rather falls"
    held = text.format_duration(memory.observed_s)
    match memory.growth:
        case MemoryGrowth.LEVEL:
            lasts = memory.lasts_at_least_s
            room = f", by which its limit lasts for {_format_long(lasts)} or longer" if lasts else ""
            return f"Memory is level at {used}: no growth that {held} can tell ({at_most}{room})"
        case MemoryGrowth.GROWS if memory.is_full:
            return f"Memory rose to its limit: {used}"
        case MemoryGrowth.GROWS:
            growth = f"{_format_growth(memory.growth_bytes_per_s)} MiB a minute ({low} to {high})"
            return f"Memory grows by {growth}: {used}, its limit is reached in {_format_long(memory.lasts_s)}"
        case MemoryGrowth.SLOWS:
            return f"Memory still grows, ever more slowly: {used} after {held}; hold it longer"
        case MemoryGrowth.UNTOLD:
            return f"It is not known whether memory is level: {used} after {held} ({at_most}); hold it longer"


def _format_growth(bytes_per_s: float) -> str:
    """Return a growth in MiB a minute without its unit; an unknown end is a dash."""
    per_minute = text.keep_finite(60 * bytes_per_s / MIB)
    return text.NO_DATA if per_minute is None else text.format_number(per_minute, 2)


def _format_long(seconds: float | None) -> str:
    """Return a long span: `40 min`, `7 h`, `12 days`, `more than a year`."""
    if seconds is None or seconds > _YEAR_S:
        return "more than a year"
    if seconds >= 3 * _DAY_S:
        return f"{round(seconds / _DAY_S)} days"
    return f"{round(seconds / _HOUR_S)} h" if seconds >= 3 * _HOUR_S else text.format_estimate(seconds)


def _describe_drift(drift: ResponseDrift, held_s: float) -> str:
    low, high = (text.format_change(end) for end in drift.interval)
    p95 = f"p95 {text.format_seconds(drift.p95_s)}"
    if not drift.is_told:
        return f"{p95}: no drift that {text.format_duration(held_s)} can tell ({low} to {high})"
    direction = "rose" if drift.ratio > 0 else "fell"
    size = text.format_ratio(abs(drift.ratio))
    return f"{p95}: it {direction} by {size} over the soak ({low} to {high})"
