"""Put a campaign's checks on itself into words: host drift, engines, monotonicity violations, repetitions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.model import CampaignResult, CellResult, Drift, Repeatability, StepResult, Verdict
from harness.model.cell_evidence import BrokeInSoak
from harness.model.side_by_side import is_lane
from harness.report.view import cell_text, text
from harness.report.view.explanations import explain_evidence
from harness.report.view.scenario_errors import warn_of_failures_at_start, warn_of_raised_tasks
from harness.report.view.shortfall import describe_shortfall
from harness.report.view.speed import format_reference
from harness.report.view.unreported import write_unreported_warnings

_SOAK_OUTCOMES = {Verdict.PASS: "survived", Verdict.FAIL: "broke", Verdict.INVALID: "not confirmed"}


_UNCHANGED_RATIO = 0.05
"""A smaller change of the CPU time per request is none that needs an explanation."""

_SAME_PACE_RATIO = 0.05
"""A smaller change of the host's pace is noise."""

_TARGET_CHANGED_RATIO = 0.15
"""From this change of the CPU per request on, at the same pace, the target has changed. A pace is known to
5 %, and two container runs differ by 4 % (one standard deviation): so chance explains a smaller one.
"""

_BUSY_CORES = 0.05
"""Other programs that use so many cores more are named: one core more makes requests cost 40 % more."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of a list in a report: a label, its value, and a note on how to read the value."""

    label: str
    value: str
    note: str = ""


def build_check_facts(result: CampaignResult) -> tuple[Fact, ...]:
    """Return the facts of each check that the campaign made on itself."""
    return (
        *_build_engines_fact(result),
        *_build_drift_fact(result.drift),
        *_build_soak_facts(result),
        *map(_build_engine_comparison_fact, result.engine_comparisons),
        *_build_remark_facts(result),
        *_build_precision_facts(result),
        *map(_build_repetitions_fact, result.repeatability),
    )


def write_warnings(result: CampaignResult) -> tuple[str, ...]:
    """Return a sentence for each drift, unlike engine, failed soak, contradiction and wide bracket.

    The last ones are on the scenario, which belongs to no size: its exceptions, and requests that it did not
    report.
    """
    drift = result.drift
    violations = (
        f"{text.format_size(cell.cell.limits)} {cell_text.describe_violation(cell)}: "
        f"{_explain_violation(cell, result.cells)}."
        for cell in result.cells
        if cell.monotonicity_violation is not None
    )
    broken_soaks = (
        f"{text.format_size(cell.cell.limits)} is not recommended for {cell.soak.users} users: "
        f"{text.clean_text(explain_evidence(cell.evidence))}."
        for cell in result.cells
        if cell.soak is not None and isinstance(cell.evidence, BrokeInSoak)
    )
    wide_brackets = (
        f"{text.format_size(cell.cell.limits)} {cell_text.format_bracket(cell)} is {reason}."
        for cell in result.cells
        if (reason := cell_text.explain_wide_bracket(cell))
    )
    different_engines = (
        describe_engine_comparison(each) for each in result.engine_comparisons if each.is_marked
    )
    return (
        *([describe_drift(drift)] if drift is not None and drift.is_marked else []),
        *different_engines,
        *broken_soaks,
        *violations,
        *wide_brackets,
        *([raised] if (raised := warn_of_raised_tasks(_list_steps(result))) else []),
        *warn_of_failures_at_start(_list_steps(result)),
        *write_unreported_warnings(_list_steps(result)),
    )


def _explain_violation(cell: CellResult, cells: Sequence[CellResult]) -> str:
    """Return that one of the two sizes is wrong, or that the host's speed may explain what they sustain."""
    smaller = next((each for each in cells if each.cell == cell.monotonicity_violation), None)
    own, other = cell.at_reference, smaller.at_reference if smaller is not None else None
    if smaller is None or own is None or other is None or own.high < other.low:
        return "one of the two is wrong"
    return (
        "the speed of the host may explain it, at its best they would sustain about "
        f"{format_reference(cell)} and {format_reference(smaller)} users"
    )


def _list_steps(result: CampaignResult) -> list[StepResult]:
    return [step for cell in result.cells for step in cell.steps]


def describe_drift(drift: Drift) -> str:
    """Return whether the host drifted during the campaign, and what to do about it."""
    step = (
        f"{text.format_size(drift.cell.limits)} at {text.format_users(drift.users)}, "
        "held once more at the end,"
    )
    changes, reason = _list_changes(drift), text.clean_text(explain_evidence(drift.evidence))
    if drift.verdict is Verdict.INVALID:
        return f"The drift check is inconclusive: {step} was an invalid step ({reason})."
    if not drift.is_marked and drift.verdict is Verdict.FAIL:
        return (
            f"{step} failed narrowly this time ({reason}), at the very edge of what it "
            f"sustains; {_name_unchanged(drift)} is unchanged: {changes}."
        )
    ratio, allowed = text.keep_finite(drift.cpu_per_request_ratio), drift.allowed_ratio or 0.0
    noise = f"a change of the CPU per request up to {text.format_ratio(allowed)} is noise"
    if not drift.is_marked and ratio is not None and abs(ratio) > _UNCHANGED_RATIO:
        return f"{step} shows no change beyond noise: {changes}; {noise}."
    if not drift.is_marked:
        unchanged = "is unchanged" if _has_same_pace(drift) else "needs as much CPU per request as before"
        return f"{step} {unchanged}: {changes}."
    outcome = f"failed ({reason})" if drift.verdict is Verdict.FAIL else "still passed"
    comparison = f"{step} {outcome}{': ' + changes if changes else ''}"
    if ratio is None or abs(ratio) <= allowed:
        is_same_pace = drift.pace_ratio is not None and _has_same_pace(drift)
        other = "something changed that is not the host's speed" if is_same_pace else "the host slowed down"
        return (
            f"Not confirmed: {comparison}. That number of users may be the very edge of what the size "
            f"sustains, or {other}."
        )
    return f"{_explain_drift(drift, ratio)} The evidence: {comparison}; {noise}."


def _has_same_pace(drift: Drift) -> bool:
    """Return True if the host's pace is as before, or unknown."""
    return abs(text.keep_finite(drift.pace_ratio) or 0.0) <= _SAME_PACE_RATIO


def _name_unchanged(drift: Drift) -> str:
    return "the host" if _has_same_pace(drift) else "the CPU per request"


def _explain_drift(drift: Drift, cpu_ratio: float) -> str:
    """Return what changed during the campaign, what follows for its answers, and what to do."""
    pace_ratio, more_cores = text.keep_finite(drift.pace_ratio), _count_more_foreign_cores(drift)
    effect = f"sizes measured late may look {'smaller' if cpu_ratio > 0 else 'larger'} than they are"
    is_same_pace = pace_ratio is not None and _has_same_pace(drift)
    if is_same_pace and abs(cpu_ratio) >= _TARGET_CHANGED_RATIO and more_cores < _BUSY_CORES:
        return (
            f"The target changed during the campaign, but not the host's speed: {effect}. Find what changed "
            "in the target, then measure again."
        )
    what = "The host or the target changed"
    if pace_ratio is not None and not is_same_pace and (pace_ratio > 0) == (cpu_ratio > 0):
        what = f"The host became {'slower' if pace_ratio > 0 else 'faster'}"
    elif cpu_ratio > 0 and more_cores >= _BUSY_CORES:
        what = "Other programs on the host used more CPU"
    return (
        f"{what} during the campaign: {effect}, and no bracket was corrected. Measure again on a quieter "
        "host before you rely on a difference between two sizes."
    )


def _count_more_foreign_cores(drift: Drift) -> float:
    return 0.0 if drift.foreign_cores is None else drift.foreign_cores[1] - drift.foreign_cores[0]


def describe_engine_comparison(comparison: Drift) -> str:
    """Return whether the reference size gives the same numbers on another engine."""
    engine, against = name_engine(comparison.engine), name_engine(comparison.against)
    size, users = text.format_size(comparison.cell.limits), text.format_users(comparison.users)
    step = f"{size} at {users} on {engine}"
    changes, reason = _list_changes(comparison), text.clean_text(explain_evidence(comparison.evidence))
    if comparison.verdict is Verdict.INVALID:
        return f"Whether {engine} is like {against} is inconclusive: {step} was an invalid step ({reason})."
    if not comparison.is_marked:
        return f"{engine} is like {against}: {step}, compared with the same on {against}: {changes}."
    outcome = f"failed ({reason})" if comparison.verdict is Verdict.FAIL else "passed"
    kind = "sets of cores" if is_lane(comparison.engine) else "engines"
    return (
        f"The {kind} are not alike: {step} {outcome}{': ' + changes if changes else ''} against {against}. "
        f"Sizes measured on different {kind} do not compare; nothing was corrected."
    )


def _build_engines_fact(result: CampaignResult) -> Iterator[Fact]:
    """Yield which engine, or which set of cores, measured which sizes; nothing with a single engine."""
    if not result.engines:
        return
    sizes_by_engine = {
        engine: [text.format_size(cell.cell.limits) for cell in result.cells if cell.engine == engine]
        for engine in result.engines
    }
    note = "; ".join(
        text.clean_text(engine) + ": " + ", ".join(sizes) for engine, sizes in sizes_by_engine.items()
    )
    label = "Sizes at once" if any(map(is_lane, result.engines)) else "Engines"
    yield Fact(label, text.format_count(len(result.engines)), note)


def name_engine(engine: str | None) -> str:
    """Return the name of an engine, or of a set of cores; without a name it is all cores."""
    return text.clean_text(engine or "all cores")


def _build_engine_comparison_fact(comparison: Drift) -> Fact:
    label = f"{name_engine(comparison.engine)} against {name_engine(comparison.against)}"
    outcome = "unlike" if comparison.is_marked else "alike"
    return Fact(label, _format_outcome(comparison, outcome), describe_engine_comparison(comparison))


def _build_drift_fact(drift: Drift | None) -> Iterator[Fact]:
    if drift is not None:
        outcome = "yes" if drift.is_marked else "none"
        yield Fact("Drift", _format_outcome(drift, outcome), describe_drift(drift))


def _format_outcome(drift: Drift, outcome: str) -> str:
    """Return the outcome with the change of the CPU per request, if that is known: `yes (+12 %)`."""
    value = "inconclusive" if drift.verdict is Verdict.INVALID else outcome
    change = text.keep_finite(drift.cpu_per_request_ratio)
    return value if change is None else f"{value} ({text.format_change(change)})"


def _list_changes(drift: Drift) -> str:
    """Return the changes that are known: `CPU per request +12 %, RPS -0.3 %, p95 +40 %`."""
    ratios = (
        ("CPU per request", drift.cpu_per_request_ratio),
        ("RPS", drift.rps_ratio),
        ("p95", drift.p95_ratio),
        ("the time of a fixed piece of work on the host", drift.pace_ratio),
    )
    changes = [
        f"{name} {text.format_change(ratio)}" for name, ratio in ratios if text.keep_finite(ratio) is not None
    ]
    if drift.foreign_cores is not None and _count_more_foreign_cores(drift) >= _BUSY_CORES:
        before, after = (text.format_number(cores, 2) for cores in drift.foreign_cores)
        changes.append(f"other programs {after} cores instead of {before}")
    return ", ".join(changes)


def _build_soak_facts(result: CampaignResult) -> Iterator[Fact]:
    """Yield what each soak has shown, or that sizes were held no longer than a window."""
    if not result.soak_s and not any(cell.soak is not None for cell in result.cells):
        yield Fact("Soak", "off", "no size was held for longer than a window of its search")
    for cell in result.cells:
        if cell.soak is not None:
            label = f"Soak of {text.format_size(cell.cell.limits)}"
            yield Fact(label, _SOAK_OUTCOMES[cell.soak.verdict], cell_text.describe_soak(cell))


def _build_remark_facts(result: CampaignResult) -> Iterator[Fact]:
    """Yield a fact for each cell of whose search a reader must know more than the bracket."""
    for cell in result.cells:
        if remark := cell_text.write_search_remark(cell):
            yield Fact(text.format_size(cell.cell.limits), _name_remark(cell), remark)


def _name_remark(cell: CellResult) -> str:
    """Return in a word or two what the first remark on a cell's search is about."""
    if cell.monotonicity_violation:
        return "flagged"
    if cell.first:
        return "measured twice"
    if cell.stop_reason:
        return "wide"
    return "shortfall" if describe_shortfall(cell) else "memory"


def _build_precision_facts(result: CampaignResult) -> Iterator[Fact]:
    """Yield a fact for each bracketed cell whose capacity is known less precisely than was asked for."""
    for cell in result.cells:
        asked = cell.asked_precision_ratio or result.precision_ratio
        reached = text.keep_finite(cell.precision_ratio)
        if asked is not None and reached is not None and reached > asked:
            is_elsewhere = result.precision_ratio is not None and asked > result.precision_ratio
            asked_of = "of sizes away from the decision (search.elsewhere)" if is_elsewhere else "for"
            yield Fact(
                text.format_size(cell.cell.limits),
                f"precision {cell_text.format_precision(cell)}",
                f"{text.format_limit(asked)} was asked {asked_of}, but its windows tell no more; longer ones "
                "(steps.window) do",
            )


def _build_repetitions_fact(repeatability: Repeatability) -> Fact:
    brackets = "; ".join(cell_text.format_bracket(cell) for cell in repeatability.cells)
    spread = repeatability.spread_ratio
    return Fact(
        f"{len(repeatability.cells)} repetitions of {text.format_size(repeatability.limits)}",
        "no spread" if spread is None else f"agree within {text.format_ratio(spread)}",
        f"{brackets}; the spread is the coefficient of variation of their estimates; none is pooled",
    )


def format_spread(result: CampaignResult, cell: CellResult) -> str:
    """Return how far the repetitions of a cell's size agree; empty if the size was measured once."""
    limits = cell.cell.limits
    spreads = [each.spread_ratio for each in result.repeatability if each.limits == limits]
    return text.format_ratio(spreads[0]) if spreads else ""
